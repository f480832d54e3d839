// docs/lifecycles.md says what the core decides, and nothing else: every row is computed here from all situations
// and events, and a row too many is as wrong as one too few.
import { readFileSync } from "node:fs";
import type { ActionRecord, JetRecord } from "@jetmesh/protocol";
import { ActionState, MAX_QUEUE } from "@jetmesh/protocol";
import { describe, expect, it } from "vitest";
import {
  type ActionDecision,
  decideAction,
  decideJet,
  type JetDecision,
  type JetEvent,
  type TriggerFacts,
} from "../src/index.ts";
import * as ofAction from "./action-situations.ts";
import * as ofJet from "./jet-situations.ts";

const document = readFileSync(new URL("../../../docs/lifecycles.md", import.meta.url), "utf8");

/** The cells of the table under a heading, without its head. */
function tableUnder(heading: string): string[][] {
  const [, below = ""] = document.split(`\n## ${heading}\n`);
  const lines = (below.split("\n## ")[0] ?? "").split("\n").filter((line) => line.startsWith("|"));
  return lines.slice(2).map((line) =>
    line
      .slice(1, -1)
      .split("|")
      .map((cell) => cell.trim()),
  );
}

const inOrder = (words: Iterable<string>): string => [...new Set(words)].sort().join(", ");
const byRow = (a: readonly string[], b: readonly string[]): number => (a.join("|") < b.join("|") ? -1 : 1);

interface Decided {
  readonly from: ActionState;
  readonly on: string;
  readonly decision: ActionDecision;
}

const DECIDED: readonly Decided[] = [
  ...Object.values(ofAction.SITUATIONS),
  ...Object.values(ofAction.LAST_SITUATIONS),
].flatMap((record: ActionRecord) =>
  Object.values(ofAction.EVENTS).map((event) => ({
    from: record.state,
    on: event.type,
    decision: decideAction(record, event, ofAction.NOW),
  })),
);

describe("the table of an action's transitions", () => {
  it("has every state that an event can lead to, and no other", () => {
    const transitions = new Set(
      DECIDED.flatMap(({ from, on, decision }) =>
        decision.kind === "write" && decision.next.state !== from
          ? [`${from}|${on}|${decision.next.state}`]
          : [],
      ),
    );
    // A repeat is the one way that the situations do not show: they have none left.
    for (const state of ["EXECUTING_MAIN", "IN_PROGRESS"] as const)
      for (const on of state === "EXECUTING_MAIN"
        ? ["main_returned", "watcher_returned"]
        : ["watcher_returned"])
        transitions.add(`${state}|${on}|SLEEPING`);
    const computed = [...transitions].map((one) => one.split("|")).sort(byRow);
    expect(
      tableUnder("Transitions of an action")
        .map((row) => row.slice(0, 3))
        .sort(byRow),
    ).toEqual(computed);
  });

  it("is what the diagram draws", () => {
    const drawn = [...document.matchAll(/^ {4}([A-Z_]+) --> ([A-Z_]+)/gm)].map(
      ([, from, to]) => `${from} ${to}`,
    );
    const written = tableUnder("Transitions of an action").map(([from, , to]) => `${from} ${to}`);
    expect(drawn.sort()).toEqual([...new Set(written)].sort());
  });
});

describe("the table of every state and event", () => {
  it("says what each pair may come to", () => {
    const words = (pairs: readonly Decided[]): string =>
      inOrder(
        pairs.map(({ from, decision }) =>
          decision.kind !== "write" ? decision.kind : decision.next.state === from ? "kept" : "moves",
        ),
      );
    const types = [...new Set(DECIDED.map(({ on }) => on))];
    const computed = types.map((on) => [
      on,
      ...ActionState.options.map((state) =>
        words(DECIDED.filter((pair) => pair.from === state && pair.on === on)),
      ),
    ]);
    expect(tableUnder("Every state and event of an action").sort(byRow)).toEqual(computed.sort(byRow));
  });
});

describe("the table of a jet's events", () => {
  const refusing = (facts: Partial<TriggerFacts>): JetEvent[] =>
    Object.values<JetEvent>(ofJet.EVENTS).flatMap((event) =>
      "facts" in event ? [{ ...event, facts: { ...ofJet.ALLOWED, ...facts } }] : [],
    );
  const events: readonly JetEvent[] = [
    ...Object.values(ofJet.EVENTS),
    ...refusing({ expired: true }),
    ...refusing({ unmet: "db1 is not running" }),
    ...refusing({ limitReached: true }),
  ];
  const full: JetRecord = {
    ...ofJet.PHASES.open,
    queue: Array.from({ length: MAX_QUEUE }, (_, n) => ofJet.asked("stop", String(n).padStart(16, "q"))),
  };
  const withTarget: JetRecord = ofJet.PHASES["idle with a target"];
  if (withTarget.target === undefined) throw new Error("a jet with a target has one");
  const far: JetRecord = { ...withTarget, target: { ...withTarget.target, state: "nowhere" } };
  const held = ["stopped", "running"].map(
    (state): JetRecord =>
      ofJet.jet({
        state,
        heldBy: [{ jet: "app1", state, id: ofJet.id("9"), at: "2026-01-01T00:00:00.000Z" }],
      }),
  );
  const onItsWay: JetRecord[] = held.map((jet) => ({ ...jet, target: withTarget.target }));
  const all: readonly { on: string; decision: JetDecision }[] = [
    ...Object.values(ofJet.PHASES),
    full,
    far,
    ...held,
    ...onItsWay,
  ].flatMap((jet) => events.map((event) => ({ on: event.type, decision: decideJet(jet, event, ofJet.NOW) })));

  it("has every refusal and every reason for which nothing changes, and no other", () => {
    const of = (on: string): JetDecision[] =>
      all.filter((one) => one.on === on).map(({ decision }) => decision);
    const code = (word: string): string => `\`${word}\``;
    const computed = [...new Set(all.map(({ on }) => on))].map((on) => [
      code(on),
      inOrder(of(on).flatMap((one) => (one.kind === "refused" ? [code(one.code)] : []))) || "–",
      inOrder(of(on).flatMap((one) => (one.kind === "unchanged" ? [code(one.why)] : []))) || "–",
    ]);
    const written = tableUnder("Events of a jet").map(([on = "", , refused = "", unchanged = ""]) => [
      on,
      refused,
      unchanged,
    ]);
    expect(written.sort(byRow)).toEqual(computed.sort(byRow));
  });
});
