import {
  ACTION_HEADERS,
  ActionRecord,
  JET_HEADERS,
  JetRecord,
  Lease,
  type Names,
  RunnerPresence,
  StoredDefinition,
  SuspectMark,
} from "@jetmesh/protocol";
import { type Bucket, createBucket } from "./bucket.ts";
import type { Connection } from "./connection.ts";

/** The buckets of a mesh, typed. */
export interface MeshStore {
  readonly definitions: Bucket<StoredDefinition>;
  readonly jets: Bucket<JetRecord>;
  readonly actions: Bucket<ActionRecord>;
  readonly runners: Bucket<RunnerPresence>;
  readonly leases: Bucket<Lease>;
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
      [ACTION_HEADERS.pool, record.pool],
    ];
    const due = instants.dueAt(record);
    const expires = instants.expiresAt(record);
    if (due !== undefined) headers.push([ACTION_HEADERS.due, due]);
    if (expires !== undefined) headers.push([ACTION_HEADERS.expires, expires]);
    if (record.claim !== undefined) headers.push([ACTION_HEADERS.runner, record.claim.runner]);
    if (record.jet !== undefined) headers.push([ACTION_HEADERS.jet, record.jet]);
    return headers;
  };
  const jetHeaders = (jet: JetRecord): [string, string][] => {
    if (jet.open !== undefined) return [[JET_HEADERS.open, jet.open.id]];
    return jet.queue.length > 0 || jet.target !== undefined ? [[JET_HEADERS.waits, "1"]] : [];
  };
  return {
    definitions: createBucket(connection, names, { name: buckets.definitions, schema: StoredDefinition }),
    jets: createBucket(connection, names, { name: buckets.jets, schema: JetRecord, headersOf: jetHeaders }),
    actions: createBucket(connection, names, { name: buckets.actions, schema: ActionRecord, headersOf }),
    runners: createBucket(connection, names, { name: buckets.runners, schema: RunnerPresence }),
    leases: createBucket(connection, names, { name: buckets.leases, schema: Lease }),
    suspects: createBucket(connection, names, { name: buckets.leases, schema: SuspectMark }),
  };
}
