import {
  ACTION_HEADERS,
  ActionRecord,
  IdentityRecord,
  JET_HEADERS,
  JetRecord,
  KeySlots,
  KindRecord,
  Lease,
  type Names,
  queueOf,
  RunnerPresence,
  ScheduleRecord,
  SecretsKey,
  SecretsRecord,
  SlotsRecord,
  StepChunk,
  StoredDefinition,
  SuspectMark,
  slotsHeaderOf,
} from "@jetmesh/protocol";
import { type Bucket, createBucket } from "./bucket.ts";
import type { Connection } from "./connection.ts";
import { createShardedBucket } from "./sharded-bucket.ts";

/** The buckets of a mesh, typed. */
export interface MeshStore {
  readonly definitions: Bucket<StoredDefinition>;
  /** The living jets of templates with a limit; beside the definitions, under keys of their own. */
  readonly slots: Bucket<SlotsRecord>;
  /** Kinds that runners have registered; beside the definitions as well. */
  readonly kinds: Bucket<KindRecord>;
  readonly identities: Bucket<IdentityRecord>;
  /** What each schedule is at; beside the definitions too. */
  readonly schedules: Bucket<ScheduleRecord>;
  readonly jets: Bucket<JetRecord>;
  readonly actions: Bucket<ActionRecord>;
  /** Older steps of workflows, by chunks. */
  readonly steps: Bucket<StepChunk>;
  /** Sealed, by scope. */
  readonly secrets: Bucket<SecretsRecord>;
  /** Beside them: the key that they are sealed to. */
  readonly secretsKey: Bucket<SecretsKey>;
  readonly runners: Bucket<RunnerPresence>;
  readonly leases: Bucket<Lease>;
  /** Who has the slots of limits, by their keys. */
  readonly keySlots: Bucket<KeySlots>;
  /** In the bucket of leases, under keys of their own. */
  readonly suspects: Bucket<SuspectMark>;
}

export interface ActionInstants {
  readonly dueAt: (record: ActionRecord) => string | undefined;
  readonly expiresAt: (record: ActionRecord) => string | undefined;
}

const READ_ONLY: ActionInstants = { dueAt: () => undefined, expiresAt: () => undefined };

/**
 * `instants` says what the headers of an action tell its followers; it comes from the lifecycle's core, and who
 * writes actions must give it.
 */
export function createMeshStore(connection: Connection, names: Names, instants = READ_ONLY): MeshStore {
  const { buckets } = names;
  const headersOf = (record: ActionRecord): [string, string][] => {
    const headers: [string, string][] = [
      [ACTION_HEADERS.state, record.state],
      [ACTION_HEADERS.pool, queueOf(record)],
    ];
    const due = instants.dueAt(record);
    const expires = instants.expiresAt(record);
    if (due !== undefined) headers.push([ACTION_HEADERS.due, due]);
    if (record.timers.notBefore !== undefined) headers.push([ACTION_HEADERS.waits, "1"]);
    if (expires !== undefined) headers.push([ACTION_HEADERS.expires, expires]);
    if (record.claim !== undefined) headers.push([ACTION_HEADERS.runner, record.claim.runner]);
    if (record.jet !== undefined) headers.push([ACTION_HEADERS.jet, record.jet]);
    const slots = record.slots === undefined ? undefined : slotsHeaderOf(record);
    if (slots !== undefined) headers.push([ACTION_HEADERS.slots, slots]);
    return headers;
  };
  const jetHeaders = (jet: JetRecord): [string, string][] => {
    const held: [string, string][] = jet.heldBy === undefined ? [] : [[JET_HEADERS.held, "1"]];
    if (jet.open !== undefined) return [[JET_HEADERS.open, jet.open.id], ...held];
    return jet.queue.length > 0 || jet.target !== undefined ? [[JET_HEADERS.waits, "1"], ...held] : held;
  };
  return {
    definitions: createBucket(connection, names, { name: buckets.definitions, schema: StoredDefinition }),
    slots: createBucket(connection, names, { name: buckets.definitions, schema: SlotsRecord }),
    kinds: createBucket(connection, names, { name: buckets.definitions, schema: KindRecord }),
    identities: createBucket(connection, names, { name: buckets.leases, schema: IdentityRecord }),
    schedules: createBucket(connection, names, { name: buckets.definitions, schema: ScheduleRecord }),
    jets: createShardedBucket(connection, names, {
      name: buckets.jets,
      schema: JetRecord,
      headersOf: jetHeaders,
      batchable: true,
    }),
    actions: createShardedBucket(connection, names, {
      name: buckets.actions,
      schema: ActionRecord,
      headersOf,
      batchable: true,
    }),
    steps: createShardedBucket(connection, names, {
      name: buckets.steps,
      schema: StepChunk,
      batchable: true,
    }),
    secrets: createBucket(connection, names, { name: buckets.secrets, schema: SecretsRecord }),
    secretsKey: createBucket(connection, names, { name: buckets.secrets, schema: SecretsKey }),
    runners: createBucket(connection, names, { name: buckets.runners, schema: RunnerPresence }),
    keySlots: createBucket(connection, names, { name: buckets.slots, schema: KeySlots }),
    leases: createBucket(connection, names, { name: buckets.leases, schema: Lease }),
    suspects: createBucket(connection, names, { name: buckets.leases, schema: SuspectMark }),
  };
}
