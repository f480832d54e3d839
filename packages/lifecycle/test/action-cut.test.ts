import type { ActionRecord } from "@jetmesh/protocol";
import { describe, expect, it } from "vitest";
import { type ActionDecision, decideAction, toInstant } from "../src/index.ts";
import {
  EVENTS,
  type EventName,
  executing,
  inProgress,
  LAST_SITUATIONS,
  MINUTE,
  NOW,
  SOON,
  WITH_LAST,
} from "./action-situations.ts";

/** What is ended that has something which always runs (ADR 0041): it is cut first. */
type LastSituation = keyof typeof LAST_SITUATIONS;
const decide = (when: LastSituation, on: EventName): ActionDecision =>
  decideAction(LAST_SITUATIONS[when], EVENTS[on], NOW);

/** What is written, in short: where it is, who holds it, with what it is cut, and what follows. */
function seen(decision: ActionDecision): string {
  if (decision.kind !== "write") return decision.kind === "unchanged" ? decision.why : decision.kind;
  const { next, effects } = decision;
  const { state, claim, cut, error } = next;
  const holder = claim === undefined ? "" : ` held for ${claim.runs}`;
  const isCut =
    cut === undefined || error !== undefined
      ? ""
      : `, cut (${cut.error.code}${cut.mayRepeat ? ", may repeat" : ""}${cut.unseen ? ", unseen" : ""})`;
  const after = effects.map((effect) =>
    effect.type === "run" ? `run ${effect.method}${effect.last ? " at last" : ""}` : effect.type,
  );
  return `${state}${holder}${isCut}${error === undefined ? "" : ` (${error.code})`}; ${after.join(", ")}`;
}

describe("what always runs", () => {
  const rows: readonly [LastSituation, EventName, string][] = [
    ["SLEEPING, begun", "cut", "SLEEPING, cut (canceled); resume"],
    [
      "SLEEPING, begun, its start delay expired",
      "resume",
      "EXECUTING_MAIN held for main, cut (start_timeout); run main",
    ],
    ["SLEEPING, begun, its start delay expired", "expire", "SLEEPING, cut (start_timeout); resume"],
    ["SLEEPING, cut", "resume", "EXECUTING_MAIN held for main, cut (canceled); run main"],
    ["SLEEPING, cut", "cut", "already"],
    ["SLEEPING, cut", "pause by a user", "refused"],
    ["SLEEPING, cut", "cancel", "ERROR (canceled); tell"],
    ["SLEEPING, cut, its time over", "resume", "ERROR (canceled); tell"],
    ["SLEEPING, cut, its time over", "expire", "ERROR (canceled); tell"],
    ["EXECUTING_MAIN, held", "cut by its holder", "EXECUTING_MAIN held for main, cut (canceled, unseen); "],
    ["EXECUTING_MAIN, held", "cut", "EXECUTING_MAIN held for main, cut (canceled, unseen); resume"],
    ["EXECUTING_MAIN, held", "cut by a foreign nonce", "late"],
    ["EXECUTING_MAIN, held", "cancel", "ERROR (canceled); tell"],
    [
      "EXECUTING_MAIN, delay expired and deadline passed",
      "resume",
      "EXECUTING_MAIN held for watcher, cut (deadline_exceeded); abort, run watcher",
    ],
    [
      "EXECUTING_MAIN, delay expired and deadline passed",
      "expire, holder dead",
      "EXECUTING_MAIN held for main, cut (deadline_exceeded, unseen); resume",
    ],
    ["EXECUTING_MAIN, delay expired and deadline passed", "expire", "held"],
    ["EXECUTING_MAIN, cut and not seen", "main SUCCESS by its holder", "ERROR (canceled); tell"],
    ["EXECUTING_MAIN, cut and not seen", "main ERROR by its holder", "ERROR (canceled); tell"],
    [
      "EXECUTING_MAIN, cut and not seen",
      "main IN_PROGRESS until later by its holder",
      "IN_PROGRESS held for watcher, cut (canceled); run watcher",
    ],
    [
      "EXECUTING_MAIN, cut and not seen",
      "pause by its holder",
      "IN_PROGRESS held for watcher, cut (canceled); run watcher",
    ],
    ["EXECUTING_MAIN, cut and not seen", "pause by a user", "refused"],
    [
      "EXECUTING_MAIN, cut and not seen",
      "resume, holder dead",
      "EXECUTING_MAIN held for watcher, cut (canceled); abort, run watcher",
    ],
    ["EXECUTING_MAIN, taken over, cut", "watcher PAUSED by its holder", "IN_PROGRESS, cut (canceled); "],
    ["EXECUTING_MAIN, taken over, cut", "watcher SLEEPING by its holder", "SLEEPING, cut (canceled); resume"],
    ["IN_PROGRESS, unheld", "cut", "IN_PROGRESS, cut (canceled); resume"],
    [
      "IN_PROGRESS, unheld, its deadline passed",
      "resume",
      "IN_PROGRESS held for watcher, cut (deadline_exceeded); run watcher",
    ],
    ["IN_PROGRESS, unheld, its deadline passed", "expire", "IN_PROGRESS, cut (deadline_exceeded); resume"],
    ["IN_PROGRESS, held", "cut by its holder", "IN_PROGRESS held for watcher, cut (canceled, unseen); "],
    [
      "IN_PROGRESS, held, the last ask",
      "watcher IN_PROGRESS by its holder",
      "IN_PROGRESS, cut (in_progress_timeout, may repeat); resume",
    ],
    ["IN_PROGRESS, held, the last ask", "watcher ERROR by its holder", "ERROR (in_progress_timeout); tell"],
    [
      "IN_PROGRESS, held, cut and not seen",
      "watcher IN_PROGRESS until later by its holder",
      "IN_PROGRESS, cut (canceled); resume",
    ],
    [
      "IN_PROGRESS, held, cut and not seen",
      "watcher SLEEPING by its holder",
      "SLEEPING, cut (canceled); resume",
    ],
    [
      "IN_PROGRESS, held, cut and not seen",
      "watcher PAUSED by its holder",
      "IN_PROGRESS, cut (canceled); resume",
    ],
    ["IN_PROGRESS, held, cut and not seen", "pause by its holder", "refused"],
    ["IN_PROGRESS, cut, its time over", "resume", "ERROR (canceled); tell"],
    ["IN_PROGRESS, cut, its time over", "expire", "ERROR (canceled); tell"],
    ["PAUSED", "cut", "IN_PROGRESS, cut (canceled); resume"],
  ];
  it.each(rows)("of one that is %s, at %s: %s", (when, on, expected) => {
    expect(seen(decide(when, on))).toBe(expected);
  });

  it("has the time of the delay of IN_PROGRESS, else ten minutes, whoever looks at it", () => {
    const deadline = (record: ActionRecord): string | undefined => {
      const decision = decideAction(record, EVENTS.cut, NOW);
      return decision.kind === "write" ? decision.next.timers.deadlineAt : undefined;
    };
    const { delays } = executing();
    expect(deadline(executing({ ...WITH_LAST, delays: { ...delays, progressMs: 5_000 } }))).toBe(
      toInstant(NOW + 5_000),
    );
    expect(deadline(inProgress({ ...WITH_LAST, delays: { ...delays, progressMs: 0 } }))).toBe(
      toInstant(NOW + 10 * MINUTE),
    );
  });

  it("is not left to one that has begun nothing, and not where no plan has such a thing", () => {
    const { journal, definition } = WITH_LAST;
    const { plan } = definition;
    for (const more of [{ definition }, { definition: { plan: { ...plan, finally: [] } }, journal }])
      expect(seen(decideAction(inProgress(more), EVENTS.cut, NOW))).toBe("ERROR (canceled); tell");
    const called = { plan: { ...plan, finally: [] }, plans: { low: plan } };
    expect(seen(decideAction(inProgress({ definition: called, journal }), EVENTS.cut, NOW))).toContain("cut");
  });

  it("runs before a repeat that is left, where its time alone was over; behind a cancel there is none", () => {
    const repeat = { error: 1, success: 0, backoffMs: 0 };
    const over = decideAction(
      { ...LAST_SITUATIONS["IN_PROGRESS, held, the last ask"], repeat },
      EVENTS["watcher IN_PROGRESS by its holder"],
      NOW,
    );
    if (over.kind !== "write") throw new Error("it is cut");
    expect(over.next.timers.expiresAt).toBe(toInstant(NOW + 10 * MINUTE));
    const { claim } = LAST_SITUATIONS["IN_PROGRESS, held"];
    const last = { ...over.next, claim };
    const again = decideAction(last, EVENTS["watcher SUCCESS by its holder"], NOW);
    expect(seen(again)).toBe("SLEEPING; resume");
    expect(again.kind === "write" && again.next.cut).toBe(undefined);
    const canceled = decideAction(last, EVENTS["cut by its holder"], NOW + 1);
    expect(seen(canceled)).toBe("IN_PROGRESS held for watcher, cut (canceled, unseen); ");
    if (canceled.kind !== "write") throw new Error("it is cut for good");
    expect(canceled.next.cut?.at, "it was cut before").toBe(over.next.cut?.at);
    const ended = decideAction(canceled.next, EVENTS["watcher ERROR by its holder"], NOW);
    expect(seen(ended)).toBe("ERROR (canceled); tell");
  });

  it("keeps the deadline of all where it may repeat", () => {
    const record = {
      ...LAST_SITUATIONS["IN_PROGRESS, held, the last ask"],
      timers: { expiresAt: toInstant(NOW - 1), deadlineAt: SOON },
    };
    const over = decideAction(record, EVENTS["watcher IN_PROGRESS by its holder"], NOW);
    expect(over.kind === "write" && over.next.timers.deadlineAt).toBe(SOON);
  });
});
