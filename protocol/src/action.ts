import { z } from "zod";
import { ActionError } from "./action-error.ts";
import { JetActionDefinition, PlanDefinition, Variables } from "./definitions.ts";
import { ActionId, Instant, Json, Reference, RunnerId, Version } from "./ids.ts";
import { ActionSlots } from "./limit.ts";
import { Label, NamedLane } from "./queue-name.ts";
import { OlderSteps, Signal, WorkflowStep } from "./workflow.ts";

/**
 * The record of one durable run (design §2), the value of `jm_actions/<id>`. Its state machine is
 * `packages/lifecycle`; this is only its shape. Unknown keys are kept out on the way in, so that a record
 * written by a newer process never makes an older one fail.
 */
export const ActionState = z.enum([
  "SLEEPING",
  "EXECUTING_MAIN",
  "IN_PROGRESS",
  "PAUSED",
  "SUCCESS",
  "ERROR",
  "CLOSED",
  "REVERTING",
  "REVERTED",
]);
export type ActionState = z.infer<typeof ActionState>;

/** A JSON object of somebody else's making. */
export const JsonObject = z.record(z.string(), Json);
export type JsonObject = z.infer<typeof JsonObject>;

/** Who runs main, the watcher or rollback now. A record with a claim is held: only the holder writes it. */
export const Claim = z.object({
  runner: RunnerId,
  nonce: z.string().min(8).max(64),
  at: Instant,
  runs: z.enum(["main", "watcher", "rollback"]),
});
export type Claim = z.infer<typeof Claim>;

/** Milliseconds; 0 = no limit. */
export const Delays = z.object({
  startMs: z.int().min(0),
  mainMs: z.int().min(0),
  progressMs: z.int().min(0),
  deadlineMs: z.int().min(0),
  frequencyMs: z.int().min(1),
});
export type Delays = z.infer<typeof Delays>;

/** How often it runs again after an error and after a success, and when. */
export const Repeat = z.object({
  error: z.int(),
  success: z.int(),
  backoffMs: z.int(),
  factor: z.number().optional(),
  maxMs: z.int().optional(),
  jitter: z.boolean().optional(),
  /** How often it has. */
  done: z.int().optional(),
});
export type Repeat = z.infer<typeof Repeat>;

/** The instants at which something falls due; absent = never. */
export const Timers = z.object({
  /** Not to be begun before. */
  notBefore: Instant.optional(),
  /** The delay of the present state ends. */
  expiresAt: Instant.optional(),
  /** The watcher is to be asked next. */
  watchAt: Instant.optional(),
  /** The overall deadline. */
  deadlineAt: Instant.optional(),
});
export type Timers = z.infer<typeof Timers>;

/** What a pause keeps: where the action was, and what remained of each timer, in milliseconds. */
export const PausedAction = z.object({
  from: z.enum(["SLEEPING", "IN_PROGRESS"]),
  remaining: z.object({
    notBefore: z.number().optional(),
    expiresAt: z.number().optional(),
    watchAt: z.number().optional(),
    deadlineAt: z.number().optional(),
  }),
});

/** It is being ended: nothing of it runs any more but what always runs, the `finally` of its plans. */
export const ActionCut = z.object({
  at: Instant,
  /** With what it ends. */
  error: ActionError,
  /** A repeat that is left for an error may begin. */
  mayRepeat: z.literal(true).optional(),
  /** Somebody held it then, who may not have looked since. */
  unseen: z.literal(true).optional(),
});
export type ActionCut = z.infer<typeof ActionCut>;

/** An action that a step of a plan has made, or a trigger of another jet. */
export const StepChild = z.object({
  id: ActionId,
  /** The kind of an action; the jet that was triggered. */
  kind: Reference.optional(),
  jet: Reference.optional(),
  /** It was made: nobody need ask for it again. */
  made: z.literal(true).optional(),
  end: z
    .object({ outcome: z.enum(["SUCCESS", "ERROR"]), result: Json.optional(), error: ActionError.optional() })
    .optional(),
});
export type StepChild = z.infer<typeof StepChild>;

/** One step of a plan, as it went. A step without `endedAt` is open. */
export const JournalEntry = z.object({
  /** Its own, behind those of the steps that it is in: `backup/dump`. */
  reference: z.string().min(1).max(1_000),
  startedAt: Instant,
  /** When a step that waits is over, or looks again. */
  waitUntil: Instant.optional(),
  endedAt: Instant.optional(),
  tries: z.int().min(0).optional(),
  /** How often its runner was lost in it; a step that is not idempotent ends with the first. */
  interruptions: z.int().min(1).optional(),
  /** When its undo had ended. */
  undoneAt: Instant.optional(),
  /** SKIPPED: its condition did not hold. */
  outcome: z.enum(["SUCCESS", "ERROR", "SKIPPED"]).optional(),
  exitCode: z.int().optional(),
  status: z.int().optional(),
  error: ActionError.optional(),
  children: z.array(StepChild).optional(),
  /** What later steps read as `outputs.<step>.<name>`. */
  outputs: z.record(z.string(), Json).optional(),
});
export type JournalEntry = z.infer<typeof JournalEntry>;

export const Transition = z.object({
  to: ActionState,
  at: Instant,
  attempt: z.int(),
  why: z.string().optional(),
});
export type Transition = z.infer<typeof Transition>;

/** What asked for the action: enough to find it again, and to answer whoever waits. */
export const TriggerSource = z.object({
  via: z.enum(["stream", "api", "target", "schedule", "plan"]),
  /** Of a trigger by a plan: the action to be told how it ends. */
  parent: ActionId.optional(),
  /** Sequence in the stream of triggers, the key of the request, or the schedule and when it fell due. */
  key: z.string().max(200),
  /** Its place in the stream of triggers: what waits for a jet is kept in this order. */
  sequence: z.int().optional(),
  /** The gateway that waits to be told; a hint, may be gone. */
  tell: z.string().max(64).optional(),
});
export type TriggerSource = z.infer<typeof TriggerSource>;

/** What the action runs by, resolved when it was made: later edits never change it. */
export const ActionDefinition = z.object({
  jetAction: JetActionDefinition.optional(),
  plan: PlanDefinition.optional(),
  /** The plans that its steps call, and those that these call. */
  plans: z.record(Reference, PlanDefinition).optional(),
  variables: Variables.optional(),
});
export type ActionDefinition = z.infer<typeof ActionDefinition>;

export const ActionRecord = z.object({
  v: Version,
  id: ActionId,
  kind: Reference,
  pool: Reference,
  /** Of the runners that may run it; absent = any of the pool. */
  labels: z.array(Label).optional(),
  /** Before or behind others that wait; absent = normal. */
  lane: NamedLane.optional(),
  /** The jet that it moves, and that jet's incarnation. */
  jet: Reference.optional(),
  template: Reference.optional(),
  incarnation: z.int().optional(),
  parent: ActionId.optional(),
  /** The key of what makes it the same as others, where it stands for them; and the one that it ends as, where it does not. */
  identity: z.string().optional(),
  follows: ActionId.optional(),
  user: Reference,
  trigger: TriggerSource.optional(),
  definition: ActionDefinition,
  argument: JsonObject,

  state: ActionState,
  attempt: z.int().min(1),
  claim: Claim.optional(),
  /** Of one with limits: what it takes before it begins. */
  slots: ActionSlots.optional(),
  delays: Delays,
  timers: Timers,
  repeat: Repeat,
  /** How long its closed record is kept, where its kind says so. */
  keepMs: z.int().min(1_000).optional(),
  watcherFailures: z.int().min(0),
  maxWatcherFailures: z.int().min(1),
  /** How often in a row its runner was lost before a method of it had come back. */
  losses: z.int().min(1).optional(),
  paused: PausedAction.optional(),
  /** Whoever holds it pauses it between two methods, or steps. */
  pauseAsked: z.literal(true).optional(),
  cut: ActionCut.optional(),
  /** How it ended, once it has; stays when it is closed. */
  outcome: z.enum(["SUCCESS", "ERROR"]).optional(),
  rollbackable: z.boolean(),
  rollbackError: ActionError.optional(),

  bag: JsonObject,
  result: Json.optional(),
  error: ActionError.optional(),
  journal: z.array(JournalEntry),
  /** Of a workflow: its steps, but for the older ones that are over. */
  steps: z.array(WorkflowStep).optional(),
  older: OlderSteps.optional(),
  /** What it was told and has not taken yet, and the last ones that it took. */
  signals: z.array(Signal).optional(),
  createdAt: Instant,
  endedAt: Instant.optional(),
  transitions: z.array(Transition),
});
export type ActionRecord = z.infer<typeof ActionRecord>;

const STATES: ReadonlySet<unknown> = new Set(ActionState.options);
const isObject = (value: unknown): boolean =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether a value has every part that a record must have, each of its kind, without a look inside the parts. */
export function isActionRecord(value: unknown): value is ActionRecord {
  if (!isObject(value)) return false;
  const record = value as Partial<Record<keyof ActionRecord, unknown>>;
  return (
    record.v === 1 &&
    ActionId.safeParse(record.id).success &&
    STATES.has(record.state) &&
    [record.kind, record.pool, record.user, record.createdAt].every((text) => typeof text === "string") &&
    [record.attempt, record.watcherFailures, record.maxWatcherFailures].every(Number.isSafeInteger) &&
    [record.definition, record.argument, record.delays, record.timers, record.repeat, record.bag].every(
      isObject,
    ) &&
    Array.isArray(record.journal) &&
    Array.isArray(record.transitions)
  );
}

/** Headers of an action's record, so that followers need no bodies. */
export const ACTION_HEADERS = {
  state: "Jm-State",
  /** When a runner is to look at it next. */
  due: "Jm-Due",
  /** When a state-store is to look at it, where nobody holds it: its start delay or its deadline. */
  expires: "Jm-Expires",
  /** It waits for an instant on purpose, and nobody has sent a resume. */
  waits: "Jm-Waits",
  runner: "Jm-Runner",
  /** The queue that it waits in. */
  pool: "Jm-Pool",
  jet: "Jm-Jet",
  /** Of one with limits: since when and for which slots it waits, or that it has them and waits for its next attempt. */
  slots: "Jm-Slots",
} as const;
