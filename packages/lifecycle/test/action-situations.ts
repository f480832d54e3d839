import {
  type ActionError,
  type ActionRecord,
  type Claim,
  type Note,
  PlanDefinition,
} from "@jetmesh/protocol";
import { type ActionEvent, newAction, toInstant } from "../src/index.ts";

/**
 * The records and the events that the tests of an action set against each other: every state, with the
 * sub-states in which the same event is decided differently, and every type of event with its variants.
 */
export const NOW = Date.UTC(2026, 0, 1, 12);
export const MINUTE = 60_000;
export const SOON = toInstant(NOW + MINUTE);
export const PAST = toInstant(NOW - 1);
export const OWN = "nonce-own";
export const FOREIGN = "nonce-foreign";
export const HOLDER = "runner-1";
export const OTHER = "runner-2";

/** An action of a kind with watcher: delays of 2 min, 10 min and 10 s, no start delay, no deadline, no repeats. */
export function sleeping(more: Partial<ActionRecord> = {}): ActionRecord {
  const made = newAction(
    { id: "0123456789abcdef", kind: "build", user: "alice", argument: {}, definition: {} },
    NOW - 10 * MINUTE,
  );
  return { ...made, ...more };
}

export const held = (runs: Claim["runs"]): { claim: Claim } => ({
  claim: { runner: HOLDER, nonce: OWN, at: toInstant(NOW - MINUTE), runs },
});

export function executing(more: Partial<ActionRecord> = {}): ActionRecord {
  return sleeping({ state: "EXECUTING_MAIN", ...held("main"), timers: { expiresAt: SOON }, ...more });
}

export function inProgress(more: Partial<ActionRecord> = {}): ActionRecord {
  return sleeping({ state: "IN_PROGRESS", timers: { watchAt: SOON, expiresAt: SOON }, ...more });
}

export function reverting(more: Partial<ActionRecord> = {}): ActionRecord {
  return sleeping({
    state: "REVERTING",
    outcome: "SUCCESS",
    rollbackable: true,
    timers: { expiresAt: SOON },
    ...more,
  });
}

const SLOTS = { keys: [{ key: "limit.heavy" }] };

export const SITUATIONS = {
  "SLEEPING, fresh": sleeping(),
  "SLEEPING, before its notBefore": sleeping({ timers: { notBefore: SOON } }),
  "SLEEPING, its start delay expired": sleeping({ timers: { expiresAt: PAST } }),
  "SLEEPING, its deadline passed": sleeping({ timers: { deadlineAt: PAST } }),
  "SLEEPING, waiting for slots": sleeping({ slots: SLOTS }),
  "SLEEPING, waiting for slots before its notBefore": sleeping({ slots: SLOTS, timers: { notBefore: SOON } }),
  "SLEEPING, waiting for slots, its deadline passed": sleeping({
    slots: SLOTS,
    timers: { deadlineAt: PAST },
  }),
  "SLEEPING, with its slots": sleeping({ slots: { ...SLOTS, granted: PAST } }),
  "EXECUTING_MAIN, held": executing(),
  "EXECUTING_MAIN, its delay expired": executing({ timers: { expiresAt: PAST } }),
  "EXECUTING_MAIN, delay expired and deadline passed": executing({
    timers: { expiresAt: PAST, deadlineAt: PAST },
  }),
  "EXECUTING_MAIN, taken over": executing(held("watcher")),
  "EXECUTING_MAIN, taken over and expired again": executing({
    ...held("watcher"),
    timers: { expiresAt: PAST },
  }),
  "IN_PROGRESS, unheld and due": inProgress({ timers: { watchAt: PAST, expiresAt: SOON } }),
  "IN_PROGRESS, unheld and not due": inProgress(),
  "IN_PROGRESS, unheld, its deadline passed": inProgress({ timers: { watchAt: SOON, deadlineAt: PAST } }),
  "IN_PROGRESS, unheld, its delay expired": inProgress({ timers: { watchAt: SOON, expiresAt: PAST } }),
  "IN_PROGRESS, held": inProgress(held("watcher")),
  "IN_PROGRESS, held, one failure before the last": inProgress({ ...held("watcher"), watcherFailures: 4 }),
  "IN_PROGRESS, held, the last ask": inProgress({
    ...held("watcher"),
    timers: { watchAt: PAST, expiresAt: PAST },
  }),
  "PAUSED, from SLEEPING": sleeping({
    state: "PAUSED",
    paused: { from: "SLEEPING", remaining: { notBefore: 500 } },
  }),
  "PAUSED, from IN_PROGRESS": sleeping({
    state: "PAUSED",
    paused: { from: "IN_PROGRESS", remaining: { expiresAt: 700, watchAt: 300 } },
  }),
  SUCCESS: sleeping({ state: "SUCCESS", outcome: "SUCCESS", timers: {} }),
  ERROR: sleeping({
    state: "ERROR",
    outcome: "ERROR",
    error: { code: "main_threw", message: "no" },
    timers: {},
  }),
  "CLOSED, no rollback possible": sleeping({ state: "CLOSED", outcome: "SUCCESS" }),
  "CLOSED, rollback possible": sleeping({ state: "CLOSED", outcome: "SUCCESS", rollbackable: true }),
  "REVERTING, unheld": reverting(),
  "REVERTING, unheld, its delay expired": reverting({ timers: { expiresAt: PAST } }),
  "REVERTING, held": reverting(held("rollback")),
  "REVERTING, held, its delay expired": reverting({ ...held("rollback"), timers: { expiresAt: PAST } }),
  REVERTED: sleeping({ state: "REVERTED", outcome: "SUCCESS", rollbackable: true }),
} as const satisfies Record<string, ActionRecord>;

export type Situation = keyof typeof SITUATIONS;

/** A plan that has begun, with something that always runs. */
export const WITH_LAST = {
  definition: {
    plan: PlanDefinition.parse({
      ...{ kind: "Plan", reference: "deploy", name: "Deploy", steps: [{ shell: "true" }] },
      finally: [{ shell: "rm lock" }],
    }),
  },
  journal: [{ reference: "step-1", startedAt: PAST }],
} satisfies Partial<ActionRecord>;

const cut = { at: PAST, error: { code: "canceled", message: "no longer wanted" } };

/** The same states where something always runs (ADR 0041), and where it is cut. */
export const LAST_SITUATIONS = {
  "SLEEPING, begun": sleeping(WITH_LAST),
  "SLEEPING, begun, its start delay expired": sleeping({ ...WITH_LAST, timers: { expiresAt: PAST } }),
  "SLEEPING, cut": sleeping({ ...WITH_LAST, cut, timers: { deadlineAt: SOON } }),
  "SLEEPING, cut, its time over": sleeping({ ...WITH_LAST, cut, timers: { deadlineAt: PAST } }),
  "EXECUTING_MAIN, held": executing(WITH_LAST),
  "EXECUTING_MAIN, delay expired and deadline passed": executing({
    ...WITH_LAST,
    timers: { expiresAt: PAST, deadlineAt: PAST },
  }),
  "EXECUTING_MAIN, cut and not seen": executing({
    ...WITH_LAST,
    cut: { ...cut, unseen: true },
    timers: { deadlineAt: SOON },
  }),
  "EXECUTING_MAIN, taken over, cut": executing({ ...WITH_LAST, ...held("watcher"), cut }),
  "IN_PROGRESS, unheld": inProgress(WITH_LAST),
  "IN_PROGRESS, unheld, its deadline passed": inProgress({
    ...WITH_LAST,
    timers: { watchAt: SOON, deadlineAt: PAST },
  }),
  "IN_PROGRESS, held": inProgress({ ...WITH_LAST, ...held("watcher") }),
  "IN_PROGRESS, held, the last ask": inProgress({
    ...WITH_LAST,
    ...held("watcher"),
    timers: { expiresAt: PAST },
  }),
  "IN_PROGRESS, held, cut and not seen": inProgress({
    ...WITH_LAST,
    ...held("watcher"),
    cut: { ...cut, unseen: true },
    timers: { deadlineAt: SOON },
  }),
  "IN_PROGRESS, cut, its time over": inProgress({ ...WITH_LAST, cut, timers: { deadlineAt: PAST } }),
  PAUSED: sleeping({ ...WITH_LAST, state: "PAUSED", paused: { from: "IN_PROGRESS", remaining: {} } }),
} as const satisfies Record<string, ActionRecord>;

export const failure: ActionError = { code: "main_threw", message: "it broke" };
/** What somebody tells it. */
export const note: Note = {
  of: "signal",
  signal: { id: "signal-1", name: "approved", payload: true, at: toInstant(NOW) },
};
const left = { bag: { seen: true }, result: "left" };

/** Events that come from who holds, or believes to hold, the claim of a nonce. */
const said = (nonce: string, whose: "its holder" | "a foreign nonce") =>
  ({
    [`main SUCCESS by ${whose}`]: { type: "main_returned", nonce, answer: { ...left, state: "SUCCESS" } },
    [`main ERROR by ${whose}`]: {
      type: "main_returned",
      nonce,
      answer: { ...left, state: "ERROR", error: failure },
    },
    [`main IN_PROGRESS by ${whose}`]: {
      type: "main_returned",
      nonce,
      answer: { ...left, state: "IN_PROGRESS" },
    },
    [`main IN_PROGRESS until later by ${whose}`]: {
      type: "main_returned",
      nonce,
      answer: { ...left, state: "IN_PROGRESS", watchAt: SOON },
    },
    [`main threw by ${whose}`]: {
      type: "main_returned",
      nonce,
      answer: { ...left, state: "THREW", error: failure },
    },
    [`watcher SUCCESS by ${whose}`]: {
      type: "watcher_returned",
      nonce,
      answer: { ...left, state: "SUCCESS" },
    },
    [`watcher ERROR by ${whose}`]: {
      type: "watcher_returned",
      nonce,
      answer: { ...left, state: "ERROR", error: failure },
    },
    [`watcher IN_PROGRESS by ${whose}`]: {
      type: "watcher_returned",
      nonce,
      answer: { ...left, state: "IN_PROGRESS" },
    },
    [`watcher IN_PROGRESS until later by ${whose}`]: {
      type: "watcher_returned",
      nonce,
      answer: { ...left, state: "IN_PROGRESS", watchAt: SOON },
    },
    [`watcher SLEEPING by ${whose}`]: {
      type: "watcher_returned",
      nonce,
      answer: { ...left, state: "SLEEPING" },
    },
    [`watcher PAUSED by ${whose}`]: { type: "watcher_returned", nonce, answer: { ...left, state: "PAUSED" } },
    [`watcher threw by ${whose}`]: {
      type: "watcher_returned",
      nonce,
      answer: { ...left, state: "THREW", error: failure },
    },
    [`rollback done by ${whose}`]: { type: "rollback_returned", nonce },
    [`rollback threw by ${whose}`]: {
      type: "rollback_returned",
      nonce,
      error: { code: "rollback_threw", message: "it broke" },
    },
    [`progressed by ${whose}`]: { type: "progressed", nonce, left },
    [`heartbeat by ${whose}`]: { type: "heartbeat", nonce },
    [`pause by ${whose}`]: { type: "pause", nonce, left },
    [`cut by ${whose}`]: { type: "cut", nonce, why: "canceled", message: "no longer wanted" },
    [`noted by ${whose}`]: { type: "noted", nonce, note },
  }) satisfies Record<string, ActionEvent>;

const unsaid = {
  resume: { type: "resume", runner: OTHER, nonce: "nonce-new", holderDead: false },
  "resume, holder dead": { type: "resume", runner: OTHER, nonce: "nonce-new", holderDead: true },
  "resume under its own nonce": { type: "resume", runner: HOLDER, nonce: OWN, holderDead: true },
  "pause by a user": { type: "pause" },
  noted: { type: "noted", note },
  unpause: { type: "unpause" },
  granted: { type: "granted" },
  cut: { type: "cut", why: "canceled", message: "no longer wanted" },
  cancel: { type: "cancel", why: "canceled", message: "no longer wanted" },
  expire: { type: "expire", holderDead: false },
  "expire, holder dead": { type: "expire", holderDead: true },
  "nothing to run": { type: "nothing_to_run" },
  "owner told": { type: "owner_told" },
  rollback: { type: "rollback" },
} as const satisfies Record<string, ActionEvent>;

type Whose = "its holder" | "a foreign nonce";
type Said = `${
  | `main ${"SUCCESS" | "ERROR" | "IN_PROGRESS" | "IN_PROGRESS until later" | "threw"}`
  | `watcher ${"SUCCESS" | "ERROR" | "IN_PROGRESS" | "IN_PROGRESS until later" | "SLEEPING" | "PAUSED" | "threw"}`
  | `rollback ${"done" | "threw"}`
  | "progressed"
  | "heartbeat"
  | "noted"
  | "cut"
  | "pause"} by ${Whose}`;

export type EventName = Said | keyof typeof unsaid;

export const EVENTS: Record<EventName, ActionEvent> = {
  ...unsaid,
  ...(said(OWN, "its holder") as Record<Said, ActionEvent>),
  ...(said(FOREIGN, "a foreign nonce") as Record<Said, ActionEvent>),
};

export const EVENT_NAMES = Object.keys(EVENTS) as EventName[];

/** Every type of event; a type that is new fails to compile here. */
export const EVENT_TYPES = Object.keys({
  resume: true,
  main_returned: true,
  watcher_returned: true,
  rollback_returned: true,
  progressed: true,
  heartbeat: true,
  noted: true,
  pause: true,
  unpause: true,
  granted: true,
  cut: true,
  cancel: true,
  expire: true,
  nothing_to_run: true,
  owner_told: true,
  rollback: true,
} satisfies Record<ActionEvent["type"], true>);
