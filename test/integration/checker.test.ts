import { expect, test } from "vitest";
import { type Evidence, type HistorySeen, type LineSeen, NO_RULES } from "../chaos/checker/evidence.ts";
import { judge } from "../chaos/checker/verdict.ts";
import { COLUMNS, type Column } from "../chaos/checker/violation.ts";

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
  runner: "runner-1",
  group: "rack1",
  secret: undefined,
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
  held: [],
  rules: NO_RULES,
  filesWithSecret: [],
  linesAfterwards: 0,
};
/** Two actions on jets of their own, the second begun and ended between the two steps of the first. */
const among = (more: Partial<LineSeen> = {}): Pick<Evidence, "history" | "actions" | "lines"> => ({
  history: [closed(ID), closed(OTHER, { jet: "jet2" })],
  actions: [...SOUND.actions, { id: OTHER, state: "CLOSED", storedAt: NOW }],
  lines: [
    ...ran(ID, "step-1"),
    ...ran(OTHER, "step-1").map((one) => ({ ...one, jet: "jet2", ...more })),
    ...ran(ID, "step-2"),
  ],
});
const limited = (concurrency: number, isPerGroup: boolean): Pick<Evidence, "rules"> => ({
  rules: {
    ...NO_RULES,
    limits: [{ name: "few", concurrency, isPerGroup, actions: new Set(["steps"]) }],
  },
});
const placed = (runner: string): Pick<Evidence, "rules"> => ({
  rules: { ...NO_RULES, placed: [{ actions: new Set(["steps"]), runners: new Set([runner]) }] },
});
const secret = (value: string): Pick<Evidence, "rules"> => ({
  rules: { ...NO_RULES, secrets: new Map([["steps/step-1", value]]) },
});
const told = (value: string): Pick<Evidence, "lines"> => ({
  lines: SOUND.lines.map((one) => (one.step === "step-1" ? { ...one, secret: value } : one)),
});
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
  [
    "one that runs while another, between two of its steps, has the only slot",
    "limits",
    { ...among(), ...limited(1, false) },
  ],
  ["the same of one group", "limits", { ...among(), ...limited(1, true) }],
  ["a slot that is still taken", "limits", { held: [{ key: "limit.few", id: ID }] }],
  ["a step on a runner that lacks its label", "placement", placed("runner-2")],
  ["a step with another value than the secret's", "secrets", { ...told("wrong"), ...secret("right") }],
  ["a step that names a secret and had none", "secrets", secret("right")],
  ["a step that names no secret and had one", "secrets", told("right")],
  ["a secret in a file of the broker", "secrets", { filesWithSecret: ["blk/1.blk: plain"] }],
  ["a trigger that lies in its queue", "others", { left: { ...SOUND.left, triggers: 1 } }],
];

test.each(WRONG)("it sees %s", (_what, column, evidence) => {
  const { columns } = judge({ ...SOUND, ...evidence });
  expect(COLUMNS.filter((one) => columns[one] > 0)).toEqual([column]);
});

test.each([
  ["as many as may run at a time", { ...among(), ...limited(2, false) }, { few: 2 }],
  [
    "those of other groups beside each other",
    { ...among({ group: "rack2" }), ...limited(1, true) },
    { few: 1 },
  ],
  ["steps on runners that have their label", placed("runner-1"), {}],
  ["the secret where it is named, and nowhere else", { ...told("right"), ...secret("right") }, {}],
])("it finds nothing wrong with %s", (_what, evidence, most) => {
  const verdict = judge({ ...SOUND, asked: [], ...evidence });
  expect(verdict.violations).toEqual([]);
  expect(verdict.most).toEqual(most);
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
