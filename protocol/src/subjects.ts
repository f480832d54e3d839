import { ActionId, Reference } from "./ids.ts";
import { MAX_SHARDS, shardOf } from "./shards.ts";

/**
 * Every subject, stream, bucket and durable consumer of a mesh: the one place where such a name is put together
 * or taken apart. `docs/subjects.md` is checked against `SUBJECT_TABLE`.
 */
export const DEFAULT_PREFIX = "jm";

export interface Names {
  readonly prefix: string;
  /** How many shards jets, actions and older steps have: 1 unless it was said, or read from the mesh's own record. */
  readonly shards: number;
  readonly streams: Readonly<Record<StreamRole, string>>;
  /** By what they hold. Of what has shards this is the whole, which is one bucket only where there is one shard. */
  readonly buckets: Readonly<Record<BucketRole, string>>;
  readonly trigger: {
    of(user: string, jet: string, action: string): string;
    readonly all: string;
    readonly allTargets: string;
    ofTarget(user: string, jet: string, state: string): string;
    parse(subject: string): TriggerSubject | undefined;
  };
  readonly api: {
    of(user: string, endpoint: string): string;
    readonly all: string;
    parse(subject: string): { user: string; endpoint: string } | undefined;
  };
  readonly svc: {
    of(service: string, verb: string): string;
    /** Something said to one process of a service rather than to any. */
    ofInstance(service: string, instance: string, verb: string): string;
    /** Where the runners of a queue are asked together. */
    ofPool(queue: string, verb: string): string;
  };
  readonly resume: {
    of(queue: string, id: string): string;
    ofPool(queue: string): string;
    readonly all: string;
  };
  readonly history: { of(thing: string): string; readonly all: string };
  readonly schedule: {
    /** Where the broker keeps a hint until its schedule is due. */
    armed(schedule: string): string;
    /** Where it gives it out then. */
    due(schedule: string): string;
    readonly allDue: string;
    readonly all: string;
    /** The schedule that is due. */
    parse(subject: string): string | undefined;
  };
  readonly log: { of(id: string): string; readonly all: string };
  readonly dead: { of(stream: string): string; readonly all: string };
  /** What the broker says about messages that a consumer of a work queue was not rid of in the usual way. */
  readonly advisories: { readonly all: readonly string[] };
  /** The buckets that are on the broker for one by its role: its shards in order, or the one that it is. */
  bucketsOf(bucket: string): readonly string[];
  /** The one of them that holds a key; what belongs to a jet or an action, behind a dot, lies in the shard of that. */
  bucketOf(bucket: string, key: string): string;
  /** The key of a chunk of a workflow's older steps. */
  chunk(id: string, number: number): string;
  /** Where the stream behind a bucket listens while it is copied elsewhere, so that nothing is written to it. */
  sealed(bucket: string): string;
  /** Subject of a key of a bucket. */
  kv(bucket: string, key: string): string;
  /** The stream behind a bucket. */
  kvStream(bucket: string): string;
  /** The durable consumer that all runners of a queue share. */
  poolConsumer(queue: string): string;
  /** The queue whose consumer it is. */
  queueOfConsumer(consumer: string): string | undefined;
}

export type StreamRole = "triggers" | "resume" | "schedules" | "history" | "logs" | "dead" | "advisories";
export type BucketRole =
  | "definitions"
  | "jets"
  | "actions"
  | "steps"
  | "secrets"
  | "runners"
  | "leases"
  | "slots";

export type TriggerSubject =
  | { readonly kind: "trigger"; readonly user: string; readonly jet: string; readonly action: string }
  | { readonly kind: "target"; readonly user: string; readonly jet: string; readonly state: string };

/** The durable consumer by which state-stores share the triggers. */
export const TRIGGER_CONSUMER = "state-store";
/** The one by which they share the schedules that are due. */
export const SCHEDULE_CONSUMER = "state-store";
/** The one by which they share the broker's advisories. */
export const ADVISORY_CONSUMER = "state-store";

const isReference = (text: string | undefined): text is string => Reference.safeParse(text).success;

export function createNames(prefix: string = DEFAULT_PREFIX, shards = 1): Names {
  if (!/^[a-z][a-z0-9]{0,15}$/.test(prefix)) {
    throw new Error(
      `the prefix of a mesh must be 1 to 16 of a-z 0-9 and begin with a letter, not '${prefix}'`,
    );
  }
  if (!Number.isInteger(shards) || shards < 1 || shards > MAX_SHARDS)
    throw new Error(`a mesh has 1 to ${String(MAX_SHARDS)} shards, not ${String(shards)}`);
  const upper = prefix.toUpperCase();
  const buckets: Record<BucketRole, string> = {
    definitions: `${prefix}_definitions`,
    jets: `${prefix}_jets`,
    actions: `${prefix}_actions`,
    steps: `${prefix}_steps`,
    secrets: `${prefix}_secrets`,
    runners: `${prefix}_runners`,
    leases: `${prefix}_leases`,
    slots: `${prefix}_slots`,
  };
  const split = new Map(
    (shards === 1 ? [] : [buckets.jets, buckets.actions, buckets.steps]).map((bucket) => [
      bucket,
      Array.from({ length: shards }, (_, shard) => `${bucket}_${String(shard)}`),
    ]),
  );
  return {
    prefix,
    shards,
    streams: {
      triggers: `${upper}_TRIGGERS`,
      resume: `${upper}_RESUME`,
      schedules: `${upper}_SCHEDULES`,
      history: `${upper}_HISTORY`,
      logs: `${upper}_LOGS`,
      dead: `${upper}_DEAD`,
      advisories: `${upper}_ADVISORIES`,
    },
    buckets,
    trigger: {
      of: (user, jet, action) => `${prefix}.trigger.${user}.${jet}.${action}`,
      all: `${prefix}.trigger.>`,
      allTargets: `${prefix}.target.>`,
      ofTarget: (user, jet, state) => `${prefix}.target.${user}.${jet}.${state}`,
      parse: (subject) => parseTrigger(prefix, subject),
    },
    api: {
      of: (user, endpoint) => `${prefix}.api.${user}.${endpoint}`,
      all: `${prefix}.api.>`,
      parse: (subject) => parseApi(prefix, subject),
    },
    svc: {
      of: (service, verb) => `${prefix}.svc.${service}.${verb}`,
      ofInstance: (service, instance, verb) => `${prefix}.svc.${service}.${instance}.${verb}`,
      ofPool: (queue, verb) => `${prefix}.svc.pool.${queue}.${verb}`,
    },
    resume: {
      of: (queue, id) => `${prefix}.resume.${queue}.${id}`,
      ofPool: (queue) => `${prefix}.resume.${queue}.*`,
      all: `${prefix}.resume.>`,
    },
    history: { of: (thing) => `${prefix}.history.${thing}`, all: `${prefix}.history.>` },
    schedule: {
      armed: (schedule) => `${prefix}.schedule.at.${schedule}`,
      due: (schedule) => `${prefix}.schedule.due.${schedule}`,
      allDue: `${prefix}.schedule.due.*`,
      all: `${prefix}.schedule.>`,
      parse: (subject) => parseSchedule(prefix, subject),
    },
    log: { of: (id) => `${prefix}.log.${id}`, all: `${prefix}.log.>` },
    dead: { of: (stream) => `${prefix}.dead.${stream}`, all: `${prefix}.dead.>` },
    advisories: {
      all: ["MAX_DELIVERIES", "MSG_TERMINATED"].flatMap((kind) =>
        ["TRIGGERS", "RESUME"].map((stream) => `$JS.EVENT.ADVISORY.CONSUMER.${kind}.${upper}_${stream}.>`),
      ),
    },
    bucketsOf: (bucket) => split.get(bucket) ?? [bucket],
    bucketOf: (bucket, key) => split.get(bucket)?.[shardOf(key.split(".", 1)[0] ?? key, shards)] ?? bucket,
    chunk: (id, number) => `${id}.${String(number)}`,
    sealed: (bucket) => `${prefix}.sealed.${bucket}`,
    kv: (bucket, key) => `$KV.${bucket}.${key}`,
    kvStream: (bucket) => `KV_${bucket}`,
    poolConsumer: (queue) => `pool-${queue}`,
    queueOfConsumer: (consumer) => (consumer.startsWith("pool-") ? consumer.slice(5) : undefined),
  };
}

function parseTrigger(prefix: string, subject: string): TriggerSubject | undefined {
  const [head, kind, user, jet, last, ...rest] = subject.split(".");
  if (head !== prefix || rest.length > 0) return undefined;
  if (!isReference(user) || !isReference(jet) || !isReference(last)) return undefined;
  if (kind === "trigger") return { kind, user, jet, action: last };
  return kind === "target" ? { kind, user, jet, state: last } : undefined;
}

function parseApi(prefix: string, subject: string): { user: string; endpoint: string } | undefined {
  const [head, kind, user, ...endpoint] = subject.split(".");
  if (head !== prefix || kind !== "api" || !isReference(user) || endpoint.length === 0) return undefined;
  return { user, endpoint: endpoint.join(".") };
}

function parseSchedule(prefix: string, subject: string): string | undefined {
  const [head, kind, due, schedule, ...rest] = subject.split(".");
  if (head !== prefix || kind !== "schedule" || due !== "due" || rest.length > 0) return undefined;
  return isReference(schedule) ? schedule : undefined;
}

/** The id of an action in the subject of a resume, or undefined. */
export function actionIdOfResume(subject: string): string | undefined {
  const id = subject.slice(subject.lastIndexOf(".") + 1);
  return ActionId.safeParse(id).success ? id : undefined;
}

/** One row per kind of subject, for people and for the test that holds `docs/subjects.md` against it. */
export const SUBJECT_TABLE = [
  { subject: "jm.trigger.<user>.<jet>.<action>", stream: "JM_TRIGGERS", schema: "TriggerBody" },
  { subject: "jm.target.<user>.<jet>.<state>", stream: "JM_TRIGGERS", schema: "TargetBody" },
  { subject: "jm.api.<user>.<endpoint>", stream: "-", schema: "API_REQUESTS" },
  { subject: "jm.svc.<service>.<verb>", stream: "-", schema: "SVC_REQUESTS" },
  { subject: "jm.resume.<pool>.<action-id>", stream: "JM_RESUME", schema: "ResumeBody" },
  { subject: "jm.schedule.at.<schedule>", stream: "JM_SCHEDULES", schema: "ScheduleHint" },
  { subject: "jm.schedule.due.<schedule>", stream: "JM_SCHEDULES", schema: "ScheduleHint" },
  { subject: "jm.history.<jet or kind>", stream: "JM_HISTORY", schema: "HistoryEntry" },
  { subject: "jm.log.<action-id>", stream: "JM_LOGS", schema: "raw bytes" },
  { subject: "jm.dead.<stream>", stream: "JM_DEAD", schema: "DeadLetter" },
  { subject: "jm.sealed.<bucket>", stream: "KV_<bucket>", schema: "no message" },
  {
    subject: "$JS.EVENT.ADVISORY.CONSUMER.<kind>.<stream>.<consumer>",
    stream: "JM_ADVISORIES",
    schema: "Advisory",
  },
] as const;
