import { z } from "zod";
import {
  type ActionRecord,
  ActionState,
  isActionRecord,
  JsonObject,
  Transition,
  TriggerSource,
} from "./action.ts";
import { ActionError } from "./action-error.ts";
import { OnBusy } from "./definition-parts.ts";
import { Variables } from "./definitions.ts";
import { ActionId, Instant, Json, Reference, RunnerId, Version } from "./ids.ts";
import { Label } from "./queue-name.ts";

/** Body of `jm.trigger.<user>.<jet>.<action>`; may be left out altogether. */
export const TriggerBody = z.strictObject({
  v: Version.optional(),
  argument: JsonObject.default({}),
  variables: Variables.optional(),
  onBusy: OnBusy.optional(),
});
export type TriggerBody = z.infer<typeof TriggerBody>;

/** Body of `jm.target.<user>.<jet>.<state>`; may be left out altogether. */
export const TargetBody = z.strictObject({ v: Version.optional() });

/**
 * A record that one of our own services has just written and hands on. It was parsed where it came in and made by the
 * pure core since; here it is only looked over, for parsing it through costs 23 µs at each hand. What is not a record at
 * all is refused, as anywhere.
 */
const OwnRecord = z.custom<ActionRecord>(isActionRecord, "not the record of an action");

/**
 * Body of `jm.resume.<pool>.<action-id>`: a hint to look at the action. Carries the record as it was just
 * written, where its writer had it at hand, so that a claim needs no read.
 */
export const ResumeBody = z.object({
  v: Version,
  id: ActionId,
  revision: z.int().positive().optional(),
  record: OwnRecord.optional(),
});
export type ResumeBody = z.infer<typeof ResumeBody>;

/**
 * A state-store offers the action of an accepted trigger to the runners of its pool before it is written: who takes it
 * writes its first record, with a claim in it (ADR 0024).
 */
export const ActionOffer = z.object({
  v: Version,
  record: OwnRecord,
  /** The state-store, which knows the jet best and is to be told of the end. */
  from: z.string().max(64),
});
export type ActionOffer = z.infer<typeof ActionOffer>;
/** Taken, or there already: either way its state-store has nothing more to do for it. */
export const OfferReply = z.object({ v: Version, taken: z.boolean() });
export type OfferReply = z.infer<typeof OfferReply>;

/** One message per closed action, refused trigger, late result or rollback on `jm.history.<jet or kind>`. */
export const HistoryEntry = z.object({
  v: Version,
  what: z.enum(["closed", "refused", "late", "rolled_back", "secret_set", "secret_deleted", "secrets_key"]),
  /** Of a change of secrets: made of it, as an action's is of what asked for it. */
  id: ActionId,
  at: Instant,
  user: z.string(),
  kind: Reference.optional(),
  jet: z.string().optional(),
  template: Reference.optional(),
  action: z.string().optional(),
  trigger: TriggerSource.optional(),
  outcome: z.enum(["SUCCESS", "ERROR"]).optional(),
  error: ActionError.optional(),
  attempt: z.int().optional(),
  transitions: z.array(Transition).optional(),
  late: z.object({ runner: RunnerId, state: z.string() }).optional(),
  refusal: z.object({ code: z.string(), message: z.string() }).optional(),
  /** Which secret, and as which version; never what is in it. */
  secret: z.object({ name: z.string(), version: z.int() }).optional(),
});
export type HistoryEntry = z.infer<typeof HistoryEntry>;

/** What could not be processed, on `jm.dead.<stream>`; `data` is base64 of the first 64 KB. */
export const DeadLetter = z.object({
  v: Version,
  reason: z.string(),
  code: z.string(),
  at: Instant,
  origin: z.object({
    stream: z.string(),
    sequence: z.int().optional(),
    subject: z.string(),
    deliveries: z.int().optional(),
  }),
  headers: z.record(z.string(), z.string()).optional(),
  size: z.int(),
  data: z.string(),
});
export type DeadLetter = z.infer<typeof DeadLetter>;

/** What the broker says of a message that was delivered too often, or that somebody terminated. */
export const Advisory = z.object({
  type: z.enum(["io.nats.jetstream.advisory.v1.max_deliver", "io.nats.jetstream.advisory.v1.terminated"]),
  stream: z.string(),
  consumer: z.string(),
  stream_seq: z.int().positive(),
  deliveries: z.int(),
  reason: z.string().optional(),
});
export type Advisory = z.infer<typeof Advisory>;

/**
 * In `jm_leases/suspect.<stream>.<what>`, with a TTL: a message that is being tried although processes died while
 * they had it, and how many trials nobody came back from.
 */
export const SuspectMark = z.object({ v: Version, trials: z.int().min(0), at: Instant });
export type SuspectMark = z.infer<typeof SuspectMark>;

/** The queues of a pool that are more than the pool, of those that the asking runner serves. */
export const PoolReply = z.object({ v: Version, queues: z.array(z.string()) });
export type PoolReply = z.infer<typeof PoolReply>;

/** A runner's presence in `jm_runners/<id>`, written again before its TTL ends. */
export const RunnerPresence = z.object({
  v: Version,
  id: RunnerId,
  pools: z.array(Reference),
  labels: z.array(Label).optional(),
  kinds: z.array(Reference),
  capacity: z.int(),
  load: z.int(),
  startedAt: Instant,
});
export type RunnerPresence = z.infer<typeof RunnerPresence>;

/** Who leads, in `jm_leases/<role>`, with a TTL. */
export const Lease = z.object({ v: Version, holder: z.string(), at: Instant });
export type Lease = z.infer<typeof Lease>;

/**
 * Body of `jm.schedule.at.<schedule>`, which the broker keeps until the instant and then gives out as
 * `jm.schedule.due.<schedule>`: a hint to look at the schedule, whose record says what is due.
 */
export const ScheduleHint = z.object({ v: Version, schedule: Reference, at: Instant });
export type ScheduleHint = z.infer<typeof ScheduleHint>;

/** Headers by which the broker keeps a message until its instant. */
export const SCHEDULE_HEADERS = {
  schedule: "Nats-Schedule",
  target: "Nats-Schedule-Target",
  /** How long what it gives out is kept. */
  ttl: "Nats-Schedule-TTL",
} as const;

/** Headers of a chunk on `jm.log.<action-id>`. */
export const LOG_HEADERS = { seq: "Jm-Seq", step: "Jm-Step", stream: "Jm-Stream", at: "Jm-At" } as const;

/** A runner tells the state-stores that an action has ended; a hint, repair finds what was lost. */
export const EndedMessage = z.object({ v: Version, revision: z.int().positive(), record: OwnRecord });
export type EndedMessage = z.infer<typeof EndedMessage>;

/** What a waiting caller is told, by whoever settled the action. */
export const ToldMessage = z.object({
  v: Version,
  id: ActionId,
  state: ActionState,
  outcome: z.enum(["SUCCESS", "ERROR"]),
  jet: Reference.optional(),
  jetState: Reference.optional(),
  result: Json.optional(),
  error: ActionError.optional(),
});
export type ToldMessage = z.infer<typeof ToldMessage>;

/** The header that makes a trigger idempotent for its sender. */
export const MESSAGE_ID_HEADER = "Nats-Msg-Id";
