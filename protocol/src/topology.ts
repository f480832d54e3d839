import type { Names } from "./subjects.ts";
import { ADVISORY_CONSUMER, SCHEDULE_CONSUMER, TRIGGER_CONSUMER } from "./subjects.ts";

/**
 * What a mesh keeps on the broker, as data: `storage` creates what is missing and reports what differs, and
 * never changes it silently. Sizes in bytes, times in milliseconds.
 */
export interface StreamPlan {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly retention: "limits" | "workqueue";
  readonly discard: "old" | "new";
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  readonly maxPerSubject: number;
  /** -1 = as many as fit `maxBytes`. */
  readonly maxMessages: number;
  readonly duplicateWindowMs: number;
  readonly replicas: number;
  /** Messages may carry a TTL, and their end leaves a marker for this long; 0 = neither. */
  readonly markerTtlMs: number;
  readonly atomicBatch: boolean;
  /** Acknowledged before it is on its way to the disk: for what may be lost with the broker's process. */
  readonly asyncPersist: boolean;
  readonly allowDirect: boolean;
  readonly rollup: boolean;
  /** Messages may be kept until an instant that they name, and what they give out then may carry a TTL. */
  readonly schedules: boolean;
  readonly denyDelete: boolean;
  readonly maxConsumers: number;
  readonly description: string;
}

export interface ConsumerPlan {
  readonly stream: string;
  readonly name: string;
  readonly filter: readonly string[];
  readonly ackWaitMs: number;
  readonly maxAckPending: number;
}

export interface Topology {
  readonly streams: readonly StreamPlan[];
  readonly consumers: readonly ConsumerPlan[];
}

// The broker sets aside all of a stream's bytes when it is made, so together they must fit a laptop: 2.3 GB.
const DAY = 86_400_000;
const HOUR = 3_600_000;
const MB = 1024 * 1024;

/** Each watcher and follower is a consumer; nats-server 2.15 stops at 1 000 a stream unless told otherwise. */
const MAX_CONSUMERS = 10_000;

/**
 * What a process that died had taken comes to another after this. Who lives says so every second (`queue.ts`), so
 * that a slow handler loses nothing.
 */
const ACK_WAIT_MS = 4_000;

/** Within this the broker itself drops a history entry that is written again. */
export const HISTORY_WINDOW_MS = 120_000;

const STREAM: Omit<StreamPlan, "name" | "subjects" | "replicas" | "description"> = {
  retention: "limits",
  discard: "old",
  maxAgeMs: 0,
  maxBytes: -1,
  maxPerSubject: -1,
  maxMessages: -1,
  duplicateWindowMs: HISTORY_WINDOW_MS,
  markerTtlMs: 0,
  atomicBatch: false,
  asyncPersist: false,
  allowDirect: false,
  rollup: false,
  schedules: false,
  denyDelete: false,
  maxConsumers: MAX_CONSUMERS,
};

const BUCKET: Omit<StreamPlan, "name" | "subjects" | "replicas" | "description"> = {
  ...STREAM,
  discard: "new",
  maxPerSubject: 1,
  rollup: true,
  denyDelete: true,
  // Records are read from the leader: a direct read may be stale, and decisions are made on what is read.
  allowDirect: false,
};

export interface TopologyOptions {
  readonly replicas: number;
}

export function topologyOf(names: Names, { replicas }: TopologyOptions): Topology {
  const { streams, buckets } = names;
  const bucket = (name: string, description: string, more: Partial<StreamPlan> = {}): StreamPlan => ({
    ...BUCKET,
    name: names.kvStream(name),
    subjects: [`$KV.${name}.>`],
    replicas,
    description,
    ...more,
  });
  /** One for each shard, all alike. */
  const shardsOf = (name: string, description: string): StreamPlan[] =>
    names.bucketsOf(name).map((one, shard, all) =>
      bucket(
        one,
        all.length === 1 ? description : `${description}, shard ${String(shard)} of ${String(all.length)}`,
        {
          // A marker of one hour keeps a removed record from coming back after a crash (nats-server 8505).
          markerTtlMs: HOUR,
          atomicBatch: true,
        },
      ),
    );
  return {
    streams: [
      {
        ...STREAM,
        name: streams.triggers,
        subjects: [names.trigger.all, names.trigger.allTargets],
        retention: "workqueue",
        discard: "new",
        maxBytes: 256 * MB,
        // What a mesh works off within half a minute or so; behind that it is fairer to tell the publisher.
        maxMessages: 64_000,
        // A message id is the sender's own affair (idempotency is by user and id, in the state-store): the
        // broker's window would let one user swallow another's message, so it is the least that there is.
        duplicateWindowMs: 100,
        replicas,
        description: "triggers and targets, until they are taken",
      },
      {
        ...STREAM,
        name: streams.resume,
        subjects: [names.resume.all],
        retention: "workqueue",
        maxPerSubject: 1,
        maxAgeMs: DAY,
        maxBytes: 256 * MB,
        duplicateWindowMs: 100,
        replicas,
        // A hint that is lost with the broker is sent again by the ticker; and it is the one write of an action that
        // nothing durable hangs on (ADR 0023). The broker has it for streams without replicas alone.
        asyncPersist: replicas === 1,
        description: "hints to look at an action, the newest for each",
      },
      {
        ...STREAM,
        name: streams.history,
        subjects: [names.history.all],
        maxAgeMs: 30 * DAY,
        maxBytes: 1024 * MB,
        atomicBatch: true,
        replicas,
        description: "one message per closed action or refused trigger",
      },
      {
        ...STREAM,
        name: streams.logs,
        subjects: [names.log.all],
        maxAgeMs: DAY,
        maxBytes: 512 * MB,
        replicas,
        description: "output of steps",
      },
      {
        ...STREAM,
        name: streams.dead,
        subjects: [names.dead.all],
        maxAgeMs: 30 * DAY,
        maxBytes: 128 * MB,
        replicas,
        description: "what could not be processed",
      },
      {
        ...STREAM,
        name: streams.advisories,
        subjects: names.advisories.all,
        retention: "workqueue",
        maxAgeMs: 30 * DAY,
        maxBytes: 16 * MB,
        replicas,
        description: "messages that the broker gave up or somebody terminated",
      },
      {
        ...STREAM,
        name: streams.schedules,
        subjects: [names.schedule.all],
        // No work queue: from one of those the broker has lost schedules (nats-server 8423). Where it is full the oldest go,
        // for the broker takes schedules in no other; they are hints, and who looks after schedules misses nothing.
        maxPerSubject: 1,
        maxBytes: 32 * MB,
        replicas,
        schedules: true,
        // What the broker gives out takes the place of the message that it kept.
        rollup: true,
        description: "when schedules fall due next, and those that are due",
      },
      bucket(buckets.definitions, "templates, states, plans, users and schedules", { atomicBatch: true }),
      ...shardsOf(buckets.jets, "jets"),
      ...shardsOf(buckets.actions, "actions"),
      // Behind the actions: who copies one after the other has every chunk that a record names.
      ...shardsOf(buckets.steps, "older steps of workflows"),
      bucket(buckets.secrets, "sealed secrets, and the key that they are sealed to", {
        maxBytes: 128 * MB,
        markerTtlMs: HOUR,
      }),
      // A marker of one hour, as that of the actions that are in it.
      bucket(buckets.slots, "who has the slots of limits", { markerTtlMs: HOUR }),
      bucket(buckets.runners, "presence of runners", { markerTtlMs: 60_000 }),
      bucket(buckets.leases, "who leads", { markerTtlMs: 60_000 }),
    ],
    consumers: [
      {
        stream: streams.triggers,
        name: TRIGGER_CONSUMER,
        filter: [names.trigger.all, names.trigger.allTargets],
        ackWaitMs: ACK_WAIT_MS,
        maxAckPending: 4_096,
      },
      {
        stream: streams.schedules,
        name: SCHEDULE_CONSUMER,
        filter: [names.schedule.allDue],
        ackWaitMs: ACK_WAIT_MS,
        maxAckPending: 4_096,
      },
      {
        stream: streams.advisories,
        name: ADVISORY_CONSUMER,
        filter: names.advisories.all,
        ackWaitMs: ACK_WAIT_MS,
        maxAckPending: 1_024,
      },
    ],
  };
}

/** The consumer of one queue: that of a pool is made when a runner first asks for it, one with labels for its first action. */
export function poolConsumerOf(names: Names, queue: string): ConsumerPlan {
  return {
    stream: names.streams.resume,
    name: names.poolConsumer(queue),
    filter: [names.resume.ofPool(queue)],
    ackWaitMs: ACK_WAIT_MS,
    maxAckPending: 10_000,
  };
}
