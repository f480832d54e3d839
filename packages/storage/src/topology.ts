import type { ConsumerPlan, StreamPlan, Topology } from "@jetmesh/protocol";
import type { ConsumerConfig, StreamConfig, StreamInfo } from "@nats-io/jetstream";
import { nanos } from "@nats-io/nats-core";
import type { Connection } from "./connection.ts";
import { BrokerError, codeOf, ensureError, JS_CODE, ofClient } from "./errors.ts";

/** Message TTLs, delete markers, atomic batches and repeating schedules all come with this (nats-server 2.14). */
export const MIN_API_LEVEL = 4;

export interface TopologyReport {
  readonly created: readonly string[];
  /** What is there and differs from the plan; never changed silently. */
  readonly drift: readonly Drift[];
}

export interface Drift {
  readonly name: string;
  readonly field: string;
  readonly is: unknown;
  readonly planned: unknown;
}

/**
 * Refuses a broker that would silently ignore what the mesh relies on. Throws `UnavailableError` where that cannot be
 * said yet.
 */
export async function assertServer(connection: Connection): Promise<void> {
  const info = await connection.jsm.getAccountInfo().catch((thrown: unknown) => {
    if (connection.nc.info?.jetstream !== true)
      throw new BrokerError(0, "nats-server runs without JetStream");
    throw ofClient(thrown, "JetStream does not answer");
  });
  const level = info.api.level ?? 0;
  if (level >= MIN_API_LEVEL) return;
  const version = connection.nc.info?.version ?? "of unknown version";
  throw new BrokerError(
    0,
    `nats-server ${version} is too old (API level ${String(level)}): the mesh needs 2.14 or newer (level ${String(MIN_API_LEVEL)})`,
  );
}

/**
 * Creates what is missing and reports what differs. Run by any number of processes at once. Throws `UnavailableError`
 * where the broker cannot make it yet, as while a cluster comes up; run again it goes on.
 */
export async function ensureTopology(connection: Connection, topology: Topology): Promise<TopologyReport> {
  const created: string[] = [];
  const drift: Drift[] = [];
  for (const plan of topology.streams) {
    const is = await findStream(connection, plan.name);
    if (is !== undefined) drift.push(...driftOf(plan, is.config));
    else if (await addStream(connection, streamConfig(plan))) created.push(plan.name);
  }
  for (const plan of topology.consumers) await ensureConsumer(connection, plan);
  return { created, drift };
}

/**
 * Makes one stream whose sequences go on behind another's; false where it is there. Whoever compares revisions of a key
 * never sees one come back.
 */
export function makeStreamFrom(
  connection: Connection,
  plan: StreamPlan,
  firstSequence: number,
): Promise<boolean> {
  return addStream(connection, { ...streamConfig(plan), first_seq: firstSequence });
}

/** What is missing, what differs, and how many messages each stream holds; changes nothing. */
export interface TopologyState {
  readonly missing: readonly string[];
  readonly drift: readonly Drift[];
  readonly records: ReadonlyMap<string, number>;
}

export async function inspectTopology(connection: Connection, topology: Topology): Promise<TopologyState> {
  const missing: string[] = [];
  const drift: Drift[] = [];
  const records = new Map<string, number>();
  for (const plan of topology.streams) {
    const is = await findStream(connection, plan.name);
    if (is === undefined) {
      missing.push(plan.name);
      continue;
    }
    records.set(plan.name, is.state.messages);
    drift.push(...driftOf(plan, is.config));
  }
  for (const { stream, name } of topology.consumers) {
    try {
      await connection.jsm.consumers.info(stream, name);
    } catch (thrown) {
      if (codeOf(thrown) !== JS_CODE.consumerNotFound && codeOf(thrown) !== JS_CODE.streamNotFound)
        throw ofClient(thrown, `consumer ${name}`);
      missing.push(`consumer ${name}`);
    }
  }
  return { missing, drift, records };
}

function driftOf(plan: StreamPlan, is: StreamConfig): Drift[] {
  return Object.entries(streamConfig(plan))
    .map(([field, planned]) => ({ name: plan.name, field, is: is[field as keyof StreamConfig], planned }))
    .filter((one) => !same(one.is, one.planned));
}

export async function findStream(connection: Connection, name: string): Promise<StreamInfo | undefined> {
  try {
    return await connection.jsm.streams.info(name);
  } catch (thrown) {
    if (codeOf(thrown) === JS_CODE.streamNotFound) return undefined;
    throw ofClient(thrown, `stream ${name}`);
  }
}

/** More is set aside than the account, the memory or the disk has. */
const NO_ROOM: ReadonlySet<number> = new Set([10_002, 10_028, 10_047]);

/** False where another process was first. */
async function addStream(
  connection: Connection,
  config: Partial<StreamConfig> & { name: string },
): Promise<boolean> {
  try {
    await connection.jsm.streams.add(config);
    return true;
  } catch (thrown) {
    if ((await findStream(connection, config.name)) !== undefined) return false;
    const code = codeOf(thrown);
    // Full is something to wait out for what is there already; what needs more than there is says so and ends.
    if (NO_ROOM.has(code))
      throw new BrokerError(code, `stream ${config.name}: ${ensureError(thrown).message}`);
    throw ofClient(thrown, `stream ${config.name} cannot be made`);
  }
}

export async function ensureConsumer(connection: Connection, plan: ConsumerPlan): Promise<void> {
  const filter =
    plan.filter.length === 1 ? { filter_subject: plan.filter[0] } : { filter_subjects: [...plan.filter] };
  const config = {
    durable_name: plan.name,
    name: plan.name,
    ack_policy: "explicit",
    deliver_policy: "all",
    ack_wait: nanos(plan.ackWaitMs),
    max_ack_pending: plan.maxAckPending,
    max_deliver: -1,
    ...filter,
  } as unknown as ConsumerConfig;
  try {
    await connection.jsm.consumers.add(plan.stream, config);
  } catch (thrown) {
    // Somebody has set other limits by hand: theirs hold.
    if (codeOf(thrown) !== JS_CODE.consumerExists)
      throw ofClient(thrown, `consumer ${plan.name} cannot be made`);
  }
}

function streamConfig(plan: StreamPlan): Partial<StreamConfig> & { name: string } {
  return {
    name: plan.name,
    description: plan.description,
    subjects: [...plan.subjects],
    retention: plan.retention,
    discard: plan.discard,
    storage: "file",
    num_replicas: plan.replicas,
    max_age: nanos(plan.maxAgeMs),
    max_bytes: plan.maxBytes,
    max_msgs: plan.maxMessages,
    max_msgs_per_subject: plan.maxPerSubject,
    max_consumers: plan.maxConsumers,
    duplicate_window: nanos(plan.duplicateWindowMs),
    allow_msg_ttl: plan.markerTtlMs > 0 || plan.schedules,
    ...(plan.markerTtlMs > 0 ? { subject_delete_marker_ttl: nanos(plan.markerTtlMs) } : {}),
    ...(plan.schedules ? { allow_msg_schedules: true } : {}),
    ...(plan.atomicBatch ? { allow_atomic: true } : {}),
    ...(plan.asyncPersist ? ({ persist_mode: "async" } as Partial<StreamConfig>) : {}),
    allow_direct: plan.allowDirect,
    allow_rollup_hdrs: plan.rollup,
    deny_delete: plan.denyDelete,
  };
}

const same = (is: unknown, planned: unknown): boolean => {
  // What is off is left out of the broker's answer.
  if (planned === false || planned === 0) return is === undefined || is === planned;
  return JSON.stringify(is) === JSON.stringify(planned);
};
