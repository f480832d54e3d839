import { ActionRecord, ActionState } from "@jetmesh/protocol";
import { describe, expect, it } from "vitest";
import { decideAction } from "../src/index.ts";
import { EVENT_NAMES, EVENT_TYPES, EVENTS, NOW, SITUATIONS, type Situation } from "./action-situations.ts";
import { AFTER_THE_OUTCOME } from "./action-table/after-the-outcome.ts";
import { BEFORE_THE_OUTCOME } from "./action-table/before-the-outcome.ts";
import { CUTS } from "./action-table/cuts.ts";
import { GRANTS } from "./action-table/grants.ts";
import { IN_PROGRESS } from "./action-table/in-progress.ts";
import { NOTES } from "./action-table/notes.ts";
import { DESIGN, inWords, seen } from "./action-table/row.ts";

/** Design §2, every pair of (state or sub-state, event): a pair that nobody decided on purpose is a red test. */
const ROWS = [...BEFORE_THE_OUTCOME, ...IN_PROGRESS, ...AFTER_THE_OUTCOME, ...NOTES, ...GRANTS, ...CUTS];
const SITUATION_NAMES = Object.keys(SITUATIONS) as Situation[];

describe.each(SITUATION_NAMES)("an action that is %s", (situation) => {
  const rows = ROWS.filter(({ when }) => when === situation).map((row) => ({
    ...row,
    name: `${row.on}: ${inWords(row.then)}${row.cites === undefined ? "" : ` [${DESIGN[row.cites]}]`}`,
  }));

  it.each(rows)("$name", ({ on, then }) => {
    const record = SITUATIONS[situation];
    const before = structuredClone(record);
    const decision = decideAction(record, EVENTS[on], NOW);
    expect(seen(decision)).toEqual(then);
    expect(record, "the record that it was given is left alone").toEqual(before);
    if (decision.kind === "write") expect(ActionRecord.parse(decision.next)).toEqual(decision.next);
  });
});

describe("the table", () => {
  it("decides every pair of situation and event, and each once", () => {
    const pairs = SITUATION_NAMES.flatMap((when) => EVENT_NAMES.map((on) => `${when} × ${on}`)).sort();
    expect(ROWS.map(({ when, on }) => `${when} × ${on}`).sort()).toEqual(pairs);
  });

  it("has every state among its situations, and every type of event among its events", () => {
    const states = new Set(SITUATION_NAMES.map((name) => SITUATIONS[name].state));
    expect([...states].sort()).toEqual([...ActionState.options].sort());
    const types = new Set(Object.values(EVENTS).map(({ type }) => type));
    expect([...types].sort()).toEqual([...EVENT_TYPES].sort());
  });

  it("covers every pair of state and type of event", () => {
    const covered = new Set(ROWS.map(({ when, on }) => `${SITUATIONS[when].state} × ${EVENTS[on].type}`));
    const wanted = ActionState.options.flatMap((state) => EVENT_TYPES.map((type) => `${state} × ${type}`));
    expect(wanted.filter((pair) => !covered.has(pair))).toEqual([]);
  });

  it("cites every row of the design's table", () => {
    const cited = new Set(ROWS.map(({ cites }) => cites));
    expect(Object.keys(DESIGN).filter((row) => !cited.has(row as keyof typeof DESIGN))).toEqual([]);
  });

  it("starts from records that a reader would accept", () => {
    for (const name of SITUATION_NAMES)
      expect(ActionRecord.parse(SITUATIONS[name]), name).toEqual(SITUATIONS[name]);
  });
});
