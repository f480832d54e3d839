import type { MeshClient } from "@jetmesh/client";
import {
  createNames,
  isServedBy,
  type MeshRecord,
  parseQueue,
  queueInWords,
  type RunnerPresence,
  topologyOf,
} from "@jetmesh/protocol";
import {
  createMeshStore,
  ensureError,
  inspectTopology,
  MIN_API_LEVEL,
  readConsumers,
  readMesh,
  readRunners,
  type TopologyState,
} from "@jetmesh/storage";
import { type Finding, ok, warning, wrong } from "./finding.ts";

/** Above this, start-up and recovery take longer than they should (design §8). */
const MOST_RECORDS = 2_000_000;

export async function checkServer({ connection }: MeshClient): Promise<Finding> {
  const version = connection.nc.info?.version ?? "unknown";
  try {
    const level = (await connection.jsm.getAccountInfo()).api.level ?? 0;
    const found = `nats-server ${version}, API level ${level}`;
    if (level >= MIN_API_LEVEL) return ok("server", found);
    return wrong("server", found, `the mesh needs 2.14 or newer (API level ${MIN_API_LEVEL})`);
  } catch (thrown) {
    const found = `nats-server ${version}, JetStream: ${ensureError(thrown).message}`;
    return wrong("server", found, "run it with JetStream, and a user that may use it");
  }
}

export interface Told {
  readonly replicas: number;
  readonly shards: number | undefined;
}

/** What is missing, what differs from the plan, and how much there is. Changes nothing. */
export async function checkStreams(
  { connection, names: { prefix } }: MeshClient,
  { replicas, shards }: Told,
): Promise<Finding[]> {
  const mesh = (await readMesh(connection, createNames(prefix)))?.record;
  const names = createNames(prefix, mesh?.shards ?? 1);
  const plan = topologyOf(names, { replicas });
  const state = await inspectTopology(connection, plan);
  const all = [
    ...plan.streams.map(({ name }) => name),
    ...plan.consumers.map(({ name }) => `consumer ${name}`),
  ];
  return [
    judgeShards(mesh, shards),
    ...judgeMissing(all, state),
    ...judgeDrift(state),
    ...judgeRecords(state, names.streams.dead),
  ];
}

export function judgeShards(mesh: MeshRecord | undefined, told: number | undefined): Finding {
  const { shards = 1, reshard } = mesh ?? {};
  if (reshard !== undefined) {
    const found = `being resharded from ${reshard.from} to ${reshard.to}, since ${reshard.at}`;
    return wrong("shards", found, `no service starts before it is over: \`jm reshard --to ${reshard.to}\``);
  }
  const found =
    shards === 1
      ? "jets and actions lie in one stream each"
      : `jets and actions lie in ${shards} streams each`;
  if (told === undefined || told === shards) return ok("shards", found);
  return wrong("shards", `${found}, JM_SHARDS says ${told}`, "leave it out, or see docs/scaling.md");
}

function judgeMissing(all: readonly string[], { missing }: TopologyState): Finding[] {
  if (missing.length === 0)
    return [ok("topology", `all ${all.length} streams, buckets and consumers are there`)];
  return [wrong("topology", `missing: ${missing.join(", ")}`, "a state-store makes them when it starts")];
}

function judgeDrift({ drift }: TopologyState): Finding[] {
  return drift.map(({ name, field, is, planned }) =>
    wrong(
      "topology",
      `${name}: ${field} is ${JSON.stringify(is ?? null)}, planned ${JSON.stringify(planned)}`,
      "nothing changes it by itself: `nats stream edit`, or the JM_REPLICAS of the services",
    ),
  );
}

export function judgeRecords({ records }: Pick<TopologyState, "records">, deadStream: string): Finding[] {
  const findings = [...records]
    .filter(([name]) => name !== deadStream)
    .map(([name, count]) =>
      count > MOST_RECORDS
        ? warning(
            "records",
            `${name} has ${count}`,
            "keep closed records for less long (JM_CLOSED_TTL_MS), or have more shards: docs/scaling.md",
          )
        : ok("records", `${name} has ${count}`),
    );
  const dead = records.get(deadStream) ?? 0;
  if (dead === 0) return [...findings, ok("dead letters", "none")];
  return [
    ...findings,
    warning("dead letters", String(dead), "see why: `jm dead list`; mended: `jm dead replay SEQ`"),
  ];
}

/** How long the broker may take to tell its consumers. */
const CONSUMERS_MS = 5_000;

export async function checkRunners({ connection, names }: MeshClient): Promise<Finding[]> {
  const runners = await readRunners(connection, names, createMeshStore(connection, names));
  if (runners.length === 0)
    return [wrong("runners", "none is present", "start one: actions wait until then")];
  const pools = [...new Set(runners.flatMap((runner) => runner.pools))].sort().join(", ");
  const load = runners.reduce((sum, runner) => sum + runner.load, 0);
  const capacity = runners.reduce((sum, runner) => sum + runner.capacity, 0);
  const consumers = await readConsumers(connection, names.streams.resume, CONSUMERS_MS);
  const waiting = [...(consumers ?? [])].flatMap(([consumer, { pending }]) => {
    const queue = names.queueOfConsumer(consumer);
    return queue === undefined ? [] : [{ queue, pending }];
  });
  return [
    ok("runners", `${runners.length} present, pools ${pools}, ${load} of ${capacity} in use`),
    ...judgeQueues(waiting, runners),
  ];
}

/** Queues in which something waits and that nobody serves. */
export function judgeQueues(
  waiting: readonly { readonly queue: string; readonly pending: number }[],
  runners: readonly Pick<RunnerPresence, "pools" | "labels">[],
): Finding[] {
  return waiting.flatMap(({ queue, pending }) => {
    const is = parseQueue(queue);
    if (is === undefined || pending === 0) return [];
    if (runners.some((runner) => isServedBy(is, runner))) return [];
    const labels = is.labels.length === 0 ? "" : ` and JM_LABELS=${is.labels.join(",")}`;
    const found = `${pending} waiting in ${queueInWords(is)}, which no runner serves`;
    return [warning("queues", found, `start a runner with JM_POOLS=${is.pool}${labels}`)];
  });
}
