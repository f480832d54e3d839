import { expect, test } from "vitest";
import type { Evidence, HistorySeen, LineSeen } from "../chaos/checker/evidence.ts";
import { COLUMNS, type Column, judge } from "../chaos/checker/verdict.ts";

/** The checker of the storm must see what it is there for: each case has exactly one thing wrong. */
const NOW = 1_800_000_000_000;
const ID = "aaaaaaaaaaaaaaaa";
const OTHER = "bbbbbbbbbbbbbbbb";

const closed = (id: string, more: Partial<HistorySeen> = {}): HistorySeen => ({
  what: "closed",
  id,
  jet: "jet1",
  action: "steps",
  via: "stream",
  key: `key-${id}`,
  outcome: "SUCCESS",
  code: undefined,
  storedAt: NOW,
  transitions: [
    { to: "SLEEPING", at: NOW - 300 },
    { to: "EXECUTING_MAIN", at: NOW - 200 },
    { to: "SUCCESS", at: NOW - 100 },
  ],
  ...more,
});
const line = (id: string, step: string, what: string, attempt = 1): LineSeen => ({
  jet: "jet1",
  id,
  attempt,
  step,
  what,
});
const ran = (id: string, ...steps: string[]): LineSeen[] =>
  steps.flatMap((step) => [line(id, step, "begin"), line(id, step, "end")]);

const asked = (key: string) => ({ key, via: "stream", jet: "jet1", action: "steps", taken: true });
const SOUND: Evidence = {
  at: NOW,
  closedTtlMs: 25_000,
  actions: [{ id: ID, state: "CLOSED", storedAt: NOW }],
  jets: [
    { reference: "jet1", state: "resting", open: undefined, waits: 0, hasTarget: false, isDestroyed: false },
  ],
  history: [closed(ID)],
  lines: ran(ID, "step-1", "step-2"),
  left: { triggers: 0, resumes: 0, dead: 0 },
  asked: [asked(`key-${ID}`)],
  killed: [{ at: NOW - 150, ids: [ID] }],
  mayRunAgain: new Set(["steps/step-2"]),
  mayEndWith: new Set(["step_interrupted"]),
  mayRestIn: new Set(["resting"]),
  linesAfterwards: 0,
};
const jet = (more: Partial<Evidence["jets"][number]>): Pick<Evidence, "jets"> => ({
  jets: SOUND.jets.map((one) => ({ ...one, ...more })),
});

test("where all is well nothing is found, and what happened is counted", () => {
  const verdict = judge(SOUND);
  expect(verdict.violations).toEqual([]);
  expect(verdict).toMatchObject({ triggers: 1, accepted: 1, refused: 0, closed: 1 });
  expect(verdict.takeoverMs).toEqual({ p50: 50, p99: 50, count: 1 });
});

const WRONG: readonly (readonly [string, Column, Partial<Evidence>])[] = [
  [
    "a step begun twice in one attempt",
    "doubleMains",
    { lines: [...SOUND.lines, line(ID, "step-2", "begin")] },
  ],
  [
    "one trigger that made two actions",
    "doubleMains",
    {
      history: [closed(ID), closed(OTHER, { key: `key-${ID}` })],
      actions: [...SOUND.actions, { id: OTHER, state: "CLOSED", storedAt: NOW }],
      lines: [...SOUND.lines, ...ran(OTHER, "step-1")],
    },
  ],
  [
    "a step that may not run again, in a second attempt",
    "repeatedSteps",
    {
      lines: [line(ID, "step-1", "begin"), line(ID, "step-1", "begin", 2), ...ran(ID, "step-2")].concat(
        line(ID, "step-1", "end", 2),
      ),
    },
  ],
  [
    "a step that runs after a later one had begun",
    "repeatedSteps",
    {
      mayRunAgain: new Set(["steps/step-1", "steps/step-2"]),
      lines: [...SOUND.lines, line(ID, "step-1", "begin", 2)],
    },
  ],
  [
    "two actions of one jet side by side",
    "doubleMains",
    {
      history: [closed(ID), closed(OTHER)],
      actions: [...SOUND.actions, { id: OTHER, state: "CLOSED", storedAt: NOW }],
      lines: [
        ...ran(ID, "step-1"),
        line(OTHER, "step-1", "begin"),
        ...ran(ID, "step-2"),
        line(OTHER, "step-1", "end"),
      ],
    },
  ],
  [
    "an action that is still open",
    "openActions",
    { actions: [{ id: OTHER, state: "SLEEPING", storedAt: NOW }, ...SOUND.actions] },
  ],
  ["a jet that names an open action", "unsettledJets", jet({ open: ID })],
  ["a jet in a transit state", "unsettledJets", jet({ state: "moving" })],
  ["a jet for which a trigger waits", "unsettledJets", jet({ waits: 1 })],
  ["a trigger that was taken and came to nothing", "lost", { asked: [...SOUND.asked, asked("key-lost")] }],
  [
    "an action that was promised and never ended",
    "lost",
    { asked: [...SOUND.asked, { ...asked("key-lost"), actionId: OTHER }] },
  ],
  ["a closed record that is gone early", "lost", { actions: [] }],
  [
    "a closed record that stays",
    "resurrected",
    { actions: [{ id: ID, state: "CLOSED", storedAt: NOW - 60_000 }] },
  ],
  ["old messages that run something", "resurrected", { linesAfterwards: 1 }],
  ["an end that is twice in the history", "others", { history: [closed(ID), closed(ID)] }],
  ["a success whose step never ended", "others", { lines: SOUND.lines.slice(0, -1) }],
  [
    "an error that nobody expects",
    "others",
    { history: [closed(ID, { outcome: "ERROR", code: "internal" })] },
  ],
  ["a trigger that lies in its queue", "others", { left: { ...SOUND.left, triggers: 1 } }],
];

test.each(WRONG)("it sees %s", (_what, column, evidence) => {
  const { columns } = judge({ ...SOUND, ...evidence });
  expect(COLUMNS.filter((one) => columns[one] > 0)).toEqual([column]);
});

test("an interrupted step that may run again does, and a refusal is an answer", () => {
  const again = [line(ID, "step-2", "begin", 2), line(ID, "step-2", "end", 2)];
  const lines = [...ran(ID, "step-1"), line(ID, "step-2", "begin"), ...again];
  const refused = { ...closed(OTHER), what: "refused", outcome: undefined, code: "jet_busy" };
  const verdict = judge({
    ...SOUND,
    lines,
    history: [...SOUND.history, refused],
    asked: [...SOUND.asked, asked(`key-${OTHER}`)],
  });
  expect(verdict.violations).toEqual([]);
  expect(verdict).toMatchObject({ triggers: 2, accepted: 1, refused: 1, closed: 1 });
});
