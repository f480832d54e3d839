import { ActionRecord, type ActionState } from "@jetmesh/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type ActionEvent, decideAction, dueAt, isCut, isOpen, toMs } from "../src/index.ts";
import { anyRecord, anyStep, everyLife, everyWrite, isWrite, START, walk } from "./action-walks.ts";

const OUTCOMES: readonly ActionState[] = ["SUCCESS", "ERROR", "CLOSED", "REVERTING", "REVERTED"];
const nonceOf = (event: ActionEvent): string | undefined =>
  event.type !== "resume" && "nonce" in event ? event.nonce : undefined;

describe("in every life of an action", () => {
  it("main is run by a claim out of SLEEPING alone, and at most once per attempt (A1, design §7.1)", () => {
    everyLife((visits) => {
      const attempts: number[] = [];
      for (const visit of visits.filter(isWrite)) {
        const { before, decision, event } = visit;
        if (!decision.effects.some((effect) => effect.type === "run" && effect.method === "main")) continue;
        expect([before.state, event.type, decision.next.state]).toEqual([
          "SLEEPING",
          "resume",
          "EXECUTING_MAIN",
        ]);
        attempts.push(decision.next.attempt);
      }
      expect(new Set(attempts).size).toBe(attempts.length);
    });
  });

  it("an attempt is counted up by going back to SLEEPING, one at a time, and by nothing else", () => {
    everyWrite(({ before, event, decision: { next } }) => {
      const isKept = ["unpause", "noted", "cut", "expire"].includes(event.type);
      const again = next.state === "SLEEPING" && !isKept;
      expect(next.attempt - before.attempt).toBe(again ? 1 : 0);
    });
  });

  it("an outcome is there from its end on and never changes", () => {
    everyWrite(({ before, event, decision: { next } }) => {
      expect(next.outcome !== undefined).toBe(OUTCOMES.includes(next.state));
      if (before.outcome === undefined) return;
      expect([next.outcome, next.error, next.endedAt]).toEqual([
        before.outcome,
        before.error,
        before.endedAt,
      ]);
      // A rollback that keeps a journal of its own leaves through the same door.
      if (event.type !== "progressed") expect(next.result).toEqual(before.result);
    });
  });

  it("nothing leads out of SUCCESS and ERROR but owner_told, nor out of CLOSED but rollback (A3)", () => {
    everyWrite(({ before, event }) => {
      expect(before.state).not.toBe("REVERTED");
      if (before.state === "SUCCESS" || before.state === "ERROR") expect(event.type).toBe("owner_told");
      if (before.state === "CLOSED") expect(event.type).toBe("rollback");
    });
  });

  it("what comes under another nonce than the claim's changes nothing (A2)", () => {
    everyLife((visits) => {
      for (const { before, event, decision } of visits) {
        const nonce = nonceOf(event);
        if (nonce === undefined || nonce === before.claim?.nonce) continue;
        expect(decision.kind).not.toBe("write");
        if (!["pause", "noted", "cut"].includes(event.type)) expect(decision.kind).toBe("late");
      }
    });
  });

  it("a result counts only for the method that the claim runs (A2)", () => {
    const method = {
      main_returned: "main",
      watcher_returned: "watcher",
      rollback_returned: "rollback",
    } as const;
    everyWrite(({ before, event }) => {
      if (event.type in method) expect(before.claim?.runs).toBe(method[event.type as keyof typeof method]);
    });
  });

  it("a claim is there in EXECUTING_MAIN, IN_PROGRESS and REVERTING alone, and always in EXECUTING_MAIN", () => {
    everyWrite(({ decision: { next } }) => {
      if (next.claim !== undefined)
        expect(["EXECUTING_MAIN", "IN_PROGRESS", "REVERTING"]).toContain(next.state);
      if (next.state === "EXECUTING_MAIN") expect(next.claim).toBeDefined();
    });
  });

  it("what is to be run is what the claim that was written runs", () => {
    everyWrite(({ decision: { next, effects } }) => {
      for (const effect of effects) if (effect.type === "run") expect(next.claim?.runs).toBe(effect.method);
    });
  });

  it("no second holder takes a claim from a live one before its delay expired", () => {
    everyWrite(({ before, event, now, decision: { next } }) => {
      if (before.claim === undefined || event.type !== "resume" || event.holderDead) return;
      expect(before.claim.nonce === next.claim?.nonce).toBe(false);
      expect(toMs(before.timers.expiresAt ?? "9999-01-01T00:00:00.000Z")).toBeLessThanOrEqual(now);
    });
  });

  it("an outcome and a pause have no timers (A5)", () => {
    everyWrite(({ decision: { next } }) => {
      if (next.state === "PAUSED" || !isOpen(next.state)) expect(next.timers).toEqual({});
      expect(next.paused !== undefined).toBe(next.state === "PAUSED");
    });
  });

  it("the same event decided again on what it wrote changes nothing (A4)", () => {
    everyWrite(({ event, now, decision }) => {
      const again = decideAction(decision.next, event, now);
      if (again.kind !== "write") return;
      expect(["heartbeat", "progressed"]).toContain(event.type);
      expect(again.next).toEqual(decision.next);
      expect(again.effects).toEqual([]);
    });
  });

  it("a reader accepts every record that is written, and drops nothing of it", () => {
    everyWrite(({ decision: { next } }) => {
      expect(ActionRecord.parse(next)).toEqual(next);
    });
  });

  it("transitions stay under 101, keep the first, and end with the present state", () => {
    everyWrite(({ before, now, decision: { next } }) => {
      expect(next.transitions.length).toBeLessThanOrEqual(100);
      expect(next.transitions[0]).toEqual(before.transitions[0]);
      expect(next.transitions.at(-1)?.to).toBe(next.state);
      if (next.state !== before.state) expect(toMs(next.transitions.at(-1)?.at ?? "")).toBe(now);
    });
  });

  it("an open action that nobody holds and nobody paused is due at some instant", () => {
    everyWrite(({ decision: { next } }) => {
      if (!isOpen(next.state) || next.state === "PAUSED" || next.claim !== undefined) return;
      expect(dueAt(next)).toBeDefined();
    });
  });

  it("repeats count down one at a time, and begin with an empty bag, journal and result", () => {
    everyWrite(({ before, now, decision: { next } }) => {
      const spent = before.repeat.error - next.repeat.error + (before.repeat.success - next.repeat.success);
      expect([0, 1]).toContain(spent);
      if (spent === 0) return;
      expect([next.state, next.bag, next.journal]).toEqual(["SLEEPING", {}, []]);
      expect("result" in next || "error" in next || "outcome" in next).toBe(false);
      expect(next.watcherFailures).toBe(0);
      expect(toMs(next.timers.notBefore ?? "")).toBe(now + next.repeat.backoffMs);
    });
  });

  it("the deadline is never moved but by a pause, and once where what always runs is left", () => {
    everyWrite(({ before, decision: { next } }) => {
      if (isCut(next) && !isCut(before)) return;
      if (!isOpen(next.state) || next.state === "PAUSED" || before.state === "PAUSED") return;
      if (next.state !== "REVERTING") expect(next.timers.deadlineAt).toBe(before.timers.deadlineAt);
    });
  });

  it("what is cut stays so, is not paused, and ends as an error with what it was cut with (A6)", () => {
    everyWrite(({ before, decision: { next } }) => {
      if (next.cut !== undefined) expect(next.state).not.toBe("PAUSED");
      if (!isCut(before)) return;
      const { unseen: _unseen, ...cut } = before.cut ?? {};
      expect(next.cut).toMatchObject(cut);
      expect(next.attempt - before.attempt === 0 || next.journal.length > 0, "no repeat").toBe(true);
      if (next.outcome !== undefined)
        expect([next.outcome, next.error]).toEqual(["ERROR", before.cut?.error]);
    });
  });

  it("what is cut for good has a deadline until it ends", () => {
    everyWrite(({ decision: { next } }) => {
      if (isCut(next) && next.outcome === undefined) expect(next.timers.deadlineAt).toBeDefined();
    });
  });

  it("whoever owns it is told when it ends, when it is rolled back, and when that failed", () => {
    everyWrite(({ before, decision: { next, effects } }) => {
      const ends = next.state === "SUCCESS" || next.state === "ERROR" || next.state === "REVERTED";
      const failed = before.state === "REVERTING" && next.state === "CLOSED";
      expect(effects.some(({ type }) => type === "tell")).toBe(ends || failed);
    });
  });

  it("a record begins its last days when it is CLOSED or REVERTED and never before", () => {
    everyWrite(({ decision: { next, expiry } }) => {
      expect(expiry !== undefined).toBe(next.state === "CLOSED" || next.state === "REVERTED");
      if (next.state === "REVERTED" || !next.rollbackable) expect([undefined, "closed"]).toContain(expiry);
    });
  });
});

describe("the walks", () => {
  it("reach every state, so that what they hold is not held of nothing", () => {
    const reached = new Set<string>();
    everyWrite(({ decision: { next } }) => {
      reached.add(next.state);
      if (next.cut !== undefined) reached.add(`${next.state}, cut`);
    }, 1);
    expect(reached.size).toBe(9 + 7);
  });
});

describe("a pause and an unpause", () => {
  it("give back what remained of every timer, but ask a watcher at once", () => {
    const wait = fc.nat(1_000_000);
    fc.assert(
      fc.property(anyRecord, fc.array(anyStep, { maxLength: 30 }), wait, (start, steps, waitMs) => {
        const visits = walk(start, steps);
        const record = visits.findLast(isWrite)?.decision.next ?? start;
        const now = visits.at(-1)?.now ?? START;
        const paused = decideAction(record, { type: "pause" }, now);
        fc.pre(paused.kind === "write");
        const resumed = decideAction(paused.next, { type: "unpause" }, now + waitMs);
        if (resumed.kind !== "write") throw new Error("an unpause of a paused action is a write");
        const { next } = resumed;
        const moved = Object.fromEntries(
          Object.entries(record.timers).map(([name, at = ""]) => [
            name,
            new Date(Math.max(toMs(at), now) + waitMs).toISOString(),
          ]),
        );
        const asked = record.state === "IN_PROGRESS" ? { watchAt: new Date(now + waitMs).toISOString() } : {};
        expect(next.timers).toEqual({ ...moved, ...asked });
        expect({ ...next, timers: {}, transitions: [] }).toEqual({ ...record, timers: {}, transitions: [] });
      }),
    );
  });
});
