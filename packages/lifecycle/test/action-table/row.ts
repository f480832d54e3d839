import type { ActionErrorCode, ActionState, Claim, ErrorCode } from "@jetmesh/protocol";
import type { ActionDecision, Expiry, Unchanged } from "../../src/index.ts";
import type { EventName, Situation } from "../action-situations.ts";

/** The rows of design §2's table, by their wording; each must be cited by a row of ours. */
export const DESIGN = {
  resumeWon: "SLEEPING | resume, compare-and-swap won | EXECUTING_MAIN, then init, then main",
  mainReturned: "EXECUTING_MAIN | main returned SUCCESS, ERROR or IN_PROGRESS | that state",
  mainThrew: "EXECUTING_MAIN | init or main threw | ERROR",
  takenOver:
    "EXECUTING_MAIN | its delay expired, or its runner is known dead | claim taken over, watcher called",
  takenOverAnswer:
    "EXECUTING_MAIN | asked elsewhere | SUCCESS, ERROR, IN_PROGRESS, SLEEPING, PAUSED are honoured",
  takenOverThrew: "EXECUTING_MAIN | no watcher, or a throw | ERROR with code main_timeout",
  late: "any | a result arrives from a holder whose claim was taken over | late, never applied",
  watcherDue: "IN_PROGRESS | resume, when due | init, watcher; one watcher at a time",
  watcherState: "IN_PROGRESS | watcher: SUCCESS / ERROR / IN_PROGRESS | that state",
  watcherSleeping: "IN_PROGRESS | watcher: SLEEPING | the whole flow again, main included, attempt + 1",
  watcherPaused: "IN_PROGRESS | watcher: PAUSED | waits for an explicit resume; delays stop counting",
  watcherThrew: "IN_PROGRESS | watcher threw | unchanged, backed off",
  watcherFailed: "IN_PROGRESS | watcher threw maxWatcherFailures times in a row | ERROR",
  lastAsk: "IN_PROGRESS | its delay expired | the watcher is asked a last time",
  lastAnswer:
    "IN_PROGRESS | answer to the last ask | SUCCESS wins, anything else is ERROR in_progress_timeout",
  heartbeat: "IN_PROGRESS | its delay expired | a heartbeat extends the delay",
  pause: "SLEEPING, IN_PROGRESS | pause (by a user) | PAUSED",
  unpause: "PAUSED | resume (unpause) | to where it was",
  pauseMain: "EXECUTING_MAIN | paused by its holder | resumes to IN_PROGRESS",
  startTimeout: "SLEEPING | its start delay expired | ERROR with code start_timeout",
  deadline: "open | its overall deadline expired | as cancel, with code deadline_exceeded",
  cancel: "open | cancel | ERROR with code canceled",
  told: "SUCCESS, ERROR | owner told | CLOSED",
  gone: "CLOSED | no rollback possible | gone after one day, by the stream's own TTL",
  rollback: "CLOSED | rollback possible | rollback gives REVERTING",
  reverted: "REVERTING | rollback done | REVERTED, then gone after one day",
  revertFailed: "REVERTING | rollback threw, its delay expired, its runner died | CLOSED with rollbackError",
} as const;
export type DesignRow = keyof typeof DESIGN;

/** Rows that the pure core cannot show in one decision: where else they are tested. */
export const ELSEWHERE = [
  "– | saved | SLEEPING; nothing runs before a first resume (new-action.test.ts)",
  "SLEEPING | resume, compare-and-swap lost | unchanged, silently (the runner's affair: nothing is decided)",
  "outcome | repeats left for it | stored at once as SLEEPING (action-repeat.test.ts)",
] as const;

export type Effect =
  | "run main"
  | "run watcher"
  | "run watcher for the last time"
  | "run rollback"
  | "abort runner-1"
  | "resume"
  | "tell";

export interface Write {
  readonly kind: "write";
  readonly to: ActionState;
  readonly effects: readonly Effect[];
  /** Code of the error that the record now carries: its own, or of its rollback where it is CLOSED. */
  readonly code: string | undefined;
  readonly expiry: Expiry | undefined;
  /** What the claim runs; undefined = nobody holds it. */
  readonly held: Claim["runs"] | undefined;
  readonly attempt: number;
}

export type Expected =
  | Write
  | { readonly kind: "late" }
  | { readonly kind: "unchanged"; readonly why: Unchanged }
  | { readonly kind: "refused"; readonly code: ErrorCode };

export interface Row {
  readonly when: Situation;
  readonly on: EventName;
  readonly then: Expected;
  readonly cites: DesignRow | undefined;
}

type Entry = readonly [on: EventName | readonly EventName[], then: Expected, cites?: DesignRow | undefined];

export const table = (when: Situation, entries: readonly Entry[]): Row[] =>
  entries.flatMap(([on, then, cites]) =>
    (typeof on === "string" ? [on] : on).map((name) => ({ when, on: name, then, cites })),
  );

export const late: Expected = { kind: "late" };
export const unchanged = (why: Unchanged): Expected => ({ kind: "unchanged", why });
export const refused = (code: ErrorCode): Expected => ({ kind: "refused", code });
export const to = (
  state: ActionState,
  effects: readonly Effect[] = [],
  more: Partial<Pick<Write, "code" | "expiry" | "held" | "attempt">> = {},
): Expected => ({
  kind: "write",
  to: state,
  effects,
  code: undefined,
  expiry: undefined,
  held: undefined,
  attempt: 1,
  ...more,
});
export const failed = (code: ActionErrorCode): Expected => to("ERROR", ["tell"], { code });

export const canceled = failed("canceled");

type Whose = "its holder" | "a foreign nonce";
export const mainBy = (whose: Whose): EventName[] => [
  `main SUCCESS by ${whose}`,
  `main ERROR by ${whose}`,
  `main IN_PROGRESS by ${whose}`,
  `main IN_PROGRESS until later by ${whose}`,
  `main threw by ${whose}`,
];
export const watcherBy = (whose: Whose): EventName[] => [
  `watcher SUCCESS by ${whose}`,
  `watcher ERROR by ${whose}`,
  `watcher IN_PROGRESS by ${whose}`,
  `watcher IN_PROGRESS until later by ${whose}`,
  `watcher SLEEPING by ${whose}`,
  `watcher PAUSED by ${whose}`,
  `watcher threw by ${whose}`,
];
export const rollbackBy = (whose: Whose): EventName[] => [
  `rollback done by ${whose}`,
  `rollback threw by ${whose}`,
];
export const signsBy = (whose: Whose): EventName[] => [`progressed by ${whose}`, `heartbeat by ${whose}`];
export const saidBy = (whose: Whose): EventName[] => [
  ...mainBy(whose),
  ...watcherBy(whose),
  ...rollbackBy(whose),
  ...signsBy(whose),
];
/** Every result and sign of life, whoever it comes from. */
export const ALL_SAID = [...saidBy("its holder"), ...saidBy("a foreign nonce")];
export const EXPIRES: readonly EventName[] = ["expire", "expire, holder dead"];
export const RESUMES: EventName[] = ["resume", "resume, holder dead", "resume under its own nonce"];
export const PAUSES: EventName[] = ["pause by a user", "pause by its holder", "pause by a foreign nonce"];
export const STALE_PAUSES: EventName[] = ["pause by its holder", "pause by a foreign nonce"];

/** A decision in the terms of a row. */
export function seen(decision: ActionDecision): Expected {
  if (decision.kind === "late") return late;
  if (decision.kind === "unchanged") return unchanged(decision.why);
  if (decision.kind === "refused") return refused(decision.code);
  const { next } = decision;
  const effects = decision.effects.map((effect): Effect => {
    if (effect.type === "run")
      return `run ${effect.method}${effect.last ? " for the last time" : ""}` as Effect;
    return effect.type === "abort" ? (`abort ${effect.runner}` as Effect) : effect.type;
  });
  return to(next.state, effects, {
    code: next.state === "CLOSED" ? next.rollbackError?.code : next.error?.code,
    expiry: decision.expiry,
    held: next.claim?.runs,
    attempt: next.attempt,
  });
}

export function inWords(expected: Expected): string {
  if (expected.kind === "late") return "late";
  if (expected.kind === "unchanged") return `unchanged, ${expected.why}`;
  if (expected.kind === "refused") return `refused, ${expected.code}`;
  const code = expected.code === undefined ? "" : ` (${expected.code})`;
  return `${expected.to}${code}${expected.effects.length === 0 ? "" : `; ${expected.effects.join(", ")}`}`;
}
