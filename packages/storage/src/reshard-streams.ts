import { type Names, topologyOf } from "@jetmesh/protocol";
import type { Connection } from "./connection.ts";
import { BrokerError, codeOf, JS_CODE, ofClient } from "./errors.ts";
import { spreadLeaders } from "./spread-leaders.ts";
import { ensureTopology, findStream, makeStreamFrom } from "./topology.ts";

export const SHARDED = ["jets", "actions", "steps"] as const;
export type Sharded = (typeof SHARDED)[number];

/** The streams of what has shards, as resharding makes, seals and removes them. Each of these can be done again. */
const bucketsOf = (names: Names): string[] =>
  SHARDED.flatMap((holds) => [...names.bucketsOf(names.buckets[holds])]);

/** Streams that came with a later version than the one whose state-stores ran here last. */
export async function makeMissing(connection: Connection, names: Names): Promise<void> {
  const actions = names.bucketsOf(names.buckets.actions)[0] ?? names.buckets.actions;
  const replicas = (await findStream(connection, names.kvStream(actions)))?.config.num_replicas ?? 1;
  const missing = new Set(names.bucketsOf(names.buckets.steps).map((bucket) => names.kvStream(bucket)));
  const streams = topologyOf(names, { replicas }).streams.filter(({ name }) => missing.has(name));
  await ensureTopology(connection, { streams, consumers: [] });
}

/**
 * The old streams listen elsewhere, so that a process that nobody has seen, one that was paused or cut off, gets no
 * answer to what it writes. They go on ending what has a TTL.
 */
export async function seal(connection: Connection, names: Names): Promise<void> {
  for (const bucket of bucketsOf(names)) await listen(connection, names, bucket, names.sealed(bucket));
}

/** Takes a seal away again. */
export async function unseal(connection: Connection, names: Names): Promise<void> {
  for (const bucket of bucketsOf(names)) await listen(connection, names, bucket, names.kv(bucket, ">"));
}

async function listen(connection: Connection, names: Names, bucket: string, subject: string): Promise<void> {
  const stream = names.kvStream(bucket);
  const is = await findStream(connection, stream);
  if (is === undefined) throw new BrokerError(JS_CODE.streamNotFound, `there is no stream ${stream}`);
  if (is.config.subjects.join() === subject) return;
  await connection.faults?.suffer("reshard.seal", "before", stream);
  await connection.jsm.streams.update(stream, { subjects: [subject] }).catch((thrown: unknown) => {
    throw ofClient(thrown, `stream ${stream} cannot be changed`);
  });
  await connection.faults?.suffer("reshard.seal", "after", stream);
}

/** Their sequences go on behind the last of the old ones, so that no revision of a key ever comes back. */
export async function makeTargets(connection: Connection, from: Names, to: Names): Promise<void> {
  for (const holds of SHARDED) {
    const old = await Promise.all(
      from.bucketsOf(from.buckets[holds]).map(async (bucket) => {
        const stream = from.kvStream(bucket);
        const is = await findStream(connection, stream);
        if (is === undefined) throw new BrokerError(JS_CODE.streamNotFound, `there is no stream ${stream}`);
        return { last: is.state.last_seq, replicas: is.config.num_replicas };
      }),
    );
    // Never 1: by that such a stream is known.
    const first = Math.max(1, ...old.map(({ last }) => last)) + 1;
    const replicas = Math.max(...old.map((one) => one.replicas));
    const streams = to.bucketsOf(to.buckets[holds]).map((bucket) => to.kvStream(bucket));
    let made = 0;
    for (const plan of topologyOf(to, { replicas }).streams.filter(({ name }) => streams.includes(name))) {
      await assertOurs(connection, plan.name);
      await connection.faults?.suffer("reshard.make", "before", plan.name);
      if (await makeStreamFrom(connection, plan, first)) made += 1;
      await connection.faults?.suffer("reshard.make", "after", plan.name);
    }
    if (made > 0 && streams.length > 1) await spreadLeaders(connection, streams);
  }
}

/**
 * One that is there was made by a run that did not come to its end, or is not ours to write into: an empty one, as a
 * state-store makes that is just too late, goes.
 */
async function assertOurs(connection: Connection, stream: string): Promise<void> {
  const whose = await whoseIs(connection, stream);
  if (whose === "ours" || whose === "nobody") return;
  if (whose === "stranger")
    throw new BrokerError(
      0,
      `there is a stream ${stream} already that resharding did not make: look what it is`,
    );
  await remove(connection, stream);
}

type Whose = "nobody" | "ours" | "empty" | "stranger";

async function whoseIs(connection: Connection, stream: string): Promise<Whose> {
  const is = await findStream(connection, stream);
  if (is === undefined) return "nobody";
  if (is.config.first_seq > 1) return "ours";
  return is.state.messages === 0 ? "empty" : "stranger";
}

/** What was made for nothing; what resharding did not make stays. */
export async function removeTargets(connection: Connection, names: Names): Promise<void> {
  for (const bucket of bucketsOf(names)) {
    const stream = names.kvStream(bucket);
    if ((await whoseIs(connection, stream)) === "ours") await remove(connection, stream);
  }
}

export async function removeStreams(connection: Connection, names: Names): Promise<void> {
  for (const bucket of bucketsOf(names)) {
    const stream = names.kvStream(bucket);
    await connection.faults?.suffer("reshard.remove", "before", stream);
    await remove(connection, stream);
    await connection.faults?.suffer("reshard.remove", "after", stream);
  }
}

async function remove(connection: Connection, stream: string): Promise<void> {
  await connection.jsm.streams.delete(stream).catch((thrown: unknown) => {
    if (codeOf(thrown) !== JS_CODE.streamNotFound)
      throw ofClient(thrown, `stream ${stream} cannot be removed`);
  });
}
