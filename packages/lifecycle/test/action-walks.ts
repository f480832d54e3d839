import type { ActionRecord, ActionState } from "@jetmesh/protocol";
import fc from "fast-check";
import { type ActionDecision, type ActionEvent, decideAction, toInstant } from "../src/index.ts";
import { sleeping, WITH_LAST } from "./action-situations.ts";

/** Random lives of an action: a record with random settings, and events at times that never go back. */
export interface Step {
  readonly waitMs: number;
  readonly type: ActionEvent["type"];
  readonly whose: "its holder" | "an earlier holder" | "a stranger";
  readonly answer: "SUCCESS" | "ERROR" | "IN_PROGRESS" | "SLEEPING" | "PAUSED" | "THREW";
  readonly watchInMs: number | undefined;
  readonly holderDead: boolean;
  readonly leaves: number;
  /** Whether it is to be an event that leads on from the record's state, so that lives get to their ends. */
  readonly leadsOn: boolean;
}

const LEADS_ON: Record<ActionState, readonly ActionEvent["type"][]> = {
  SLEEPING: ["resume", "resume", "granted"],
  EXECUTING_MAIN: ["main_returned", "main_returned", "watcher_returned", "resume"],
  IN_PROGRESS: ["resume", "watcher_returned"],
  PAUSED: ["unpause"],
  SUCCESS: ["owner_told"],
  ERROR: ["owner_told"],
  CLOSED: ["rollback"],
  REVERTING: ["resume", "rollback_returned"],
  REVERTED: ["rollback"],
};

export interface Visit {
  readonly before: ActionRecord;
  readonly event: ActionEvent;
  readonly now: number;
  readonly decision: ActionDecision;
  readonly index: number;
}

export type Written = Visit & { readonly decision: ActionDecision & { readonly kind: "write" } };

export const START = Date.UTC(2026, 0, 1);

const delay = fc.constantFrom(0, 50, 1_000, 10_000);

export const anyRecord: fc.Arbitrary<ActionRecord> = fc
  .record({
    startMs: delay,
    mainMs: delay,
    progressMs: delay,
    deadlineMs: fc.constantFrom(0, 0, 5_000, 60_000),
    frequencyMs: fc.constantFrom(1, 100, 10_000),
    error: fc.nat(2),
    success: fc.nat(2),
    backoffMs: fc.constantFrom(0, 500),
    maxWatcherFailures: fc.integer({ min: 1, max: 3 }),
    rollbackable: fc.boolean(),
    hasLast: fc.boolean(),
    transitions: fc.constantFrom(1, 2, 98, 100),
  })
  .map((given) => {
    const { startMs, mainMs, progressMs, deadlineMs, frequencyMs, error, success, backoffMs } = given;
    const first = { to: "SLEEPING" as const, at: toInstant(START), attempt: 1 };
    return sleeping({
      delays: { startMs, mainMs, progressMs, deadlineMs, frequencyMs },
      timers: {
        ...(startMs === 0 ? {} : { expiresAt: toInstant(START + startMs) }),
        ...(deadlineMs === 0 ? {} : { deadlineAt: toInstant(START + deadlineMs) }),
      },
      repeat: { error, success, backoffMs },
      maxWatcherFailures: given.maxWatcherFailures,
      rollbackable: given.rollbackable,
      ...(given.hasLast ? { definition: WITH_LAST.definition } : {}),
      transitions: Array.from({ length: given.transitions }, () => first),
    });
  });

export const anyStep: fc.Arbitrary<Step> = fc.record({
  waitMs: fc.constantFrom(0, 0, 1, 60, 600, 12_000),
  type: fc.constantFrom<ActionEvent["type"][]>(
    ...([
      "resume",
      "resume",
      "resume",
      "main_returned",
      "main_returned",
      "watcher_returned",
      "watcher_returned",
    ] as const),
    ...([
      "rollback_returned",
      "progressed",
      "heartbeat",
      "noted",
      "pause",
      "unpause",
      "unpause",
      "granted",
      "expire",
    ] as const),
    ...(["cut", "cut", "cancel", "nothing_to_run", "owner_told", "rollback"] as const),
  ),
  whose: fc.constantFrom("its holder", "its holder", "its holder", "an earlier holder", "a stranger"),
  answer: fc.constantFrom("SUCCESS", "ERROR", "IN_PROGRESS", "IN_PROGRESS", "SLEEPING", "PAUSED", "THREW"),
  watchInMs: fc.constantFrom(undefined, -1, 0, 1, 5_000),
  holderDead: fc.boolean(),
  leaves: fc.nat(1_000),
  leadsOn: fc.boolean(),
});

const thrown = { code: "main_threw", message: "no" };

/** What a step is for a record: who holds the claim decides which nonce is a holder's. */
function eventOf(
  step: Step,
  record: ActionRecord,
  earlier: readonly string[],
  now: number,
  index: number,
): ActionEvent {
  const former = earlier.filter((nonce) => nonce !== record.claim?.nonce).at(-1);
  const nonce =
    (step.whose === "its holder"
      ? record.claim?.nonce
      : step.whose === "an earlier holder"
        ? former
        : undefined) ?? "nonce-of-a-stranger";
  const { journal } = record.definition.plan === undefined ? record : WITH_LAST;
  const left = { bag: { leaves: step.leaves }, result: step.leaves, journal };
  const watch = step.watchInMs === undefined ? {} : { watchAt: toInstant(now + step.watchInMs) };
  const answer = step.answer;
  const onward = LEADS_ON[record.state];
  const type = step.leadsOn ? (onward[step.leaves % onward.length] ?? step.type) : step.type;
  switch (type) {
    case "resume":
      return {
        type: "resume",
        runner: `runner-${index}`,
        nonce: `nonce-run-${index}`,
        holderDead: step.holderDead,
      };
    case "main_returned":
      if (answer === "SUCCESS") return { type: "main_returned", nonce, answer: { ...left, state: answer } };
      if (answer === "ERROR" || answer === "THREW") {
        return { type: "main_returned", nonce, answer: { ...left, state: answer, error: thrown } };
      }
      return { type: "main_returned", nonce, answer: { ...left, ...watch, state: "IN_PROGRESS" } };
    case "watcher_returned":
      if (answer === "ERROR" || answer === "THREW") {
        return { type: "watcher_returned", nonce, answer: { ...left, state: answer, error: thrown } };
      }
      if (answer === "IN_PROGRESS")
        return { type: "watcher_returned", nonce, answer: { ...left, ...watch, state: answer } };
      return { type: "watcher_returned", nonce, answer: { ...left, state: answer } };
    case "rollback_returned":
      return { type: "rollback_returned", nonce, ...(answer === "ERROR" ? { error: thrown } : {}) };
    case "progressed":
      return { type: "progressed", nonce, left };
    case "heartbeat":
      return { type: "heartbeat", nonce };
    case "pause":
      return step.holderDead ? { type: "pause" } : { type: "pause", nonce, left };
    case "noted": {
      const signal = {
        id: `signal-${step.leaves % 5}`,
        name: "go",
        payload: step.leaves,
        at: toInstant(now),
      };
      const note = { of: "signal", signal } as const;
      return step.holderDead ? { type, note } : { type, nonce, note };
    }
    case "cut":
      return { type, ...(step.holderDead ? {} : { nonce }), why: "canceled", message: "no" };
    case "cancel":
      return { type: "cancel", why: "canceled", message: "no" };
    case "expire":
      return { type, holderDead: step.holderDead };
    case "unpause":
    case "granted":
    case "nothing_to_run":
    case "owner_told":
    case "rollback":
      return { type };
  }
}

/** Leads a record through the steps; gives every decision that was made on the way. */
export function walk(record: ActionRecord, steps: readonly Step[]): Visit[] {
  const visits: Visit[] = [];
  const earlier: string[] = [];
  let now = START;
  let present = record;
  for (const [index, step] of steps.entries()) {
    now += step.waitMs;
    const event = eventOf(step, present, earlier, now, index);
    const decision = decideAction(present, event, now);
    visits.push({ before: present, event, now, decision, index });
    if (decision.kind !== "write") continue;
    present = decision.next;
    if (present.claim !== undefined && earlier.at(-1) !== present.claim.nonce)
      earlier.push(present.claim.nonce);
  }
  return visits;
}

export const isWrite = (visit: Visit): visit is Written => visit.decision.kind === "write";

/** Holds for every decision of 250 random lives of up to 60 events; always the same ones where a seed is given. */
export function everyLife(holds: (visits: Visit[], start: ActionRecord) => void, seed?: number): void {
  fc.assert(
    fc.property(
      anyRecord,
      fc.array(anyStep, { minLength: 1, maxLength: 60, size: "max" }),
      (start, steps) => {
        holds(walk(start, steps), start);
      },
    ),
    { numRuns: 250, ...(seed === undefined ? {} : { seed }) },
  );
}

export const everyWrite = (holds: (written: Written) => void, seed?: number): void => {
  everyLife((visits) => {
    for (const visit of visits) if (isWrite(visit)) holds(visit);
  }, seed);
};
