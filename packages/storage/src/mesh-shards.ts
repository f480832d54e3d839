import { createNames, MESH_KEY, MeshRecord, type Names } from "@jetmesh/protocol";
import { type Bucket, createBucket } from "./bucket.ts";
import type { Connection } from "./connection.ts";
import { BrokerError, codeOf, JS_CODE, ofClient } from "./errors.ts";

/** The number of shards is not what was said, or is just being changed: nothing that goes away by waiting. */
export class ShardsError extends Error {
  override readonly name = "ShardsError";
}

/** The mesh's own record, at its revision. */
export interface MeshAt {
  readonly record: MeshRecord;
  readonly revision: number;
}

export const meshRecords = (connection: Connection, names: Names): Bucket<MeshRecord> =>
  createBucket(connection, names, { name: names.buckets.definitions, schema: MeshRecord });

/** Undefined where there is no mesh yet, or one from before there were shards. */
export async function readMesh(connection: Connection, names: Names): Promise<MeshAt | undefined> {
  let stored: Awaited<ReturnType<Bucket<MeshRecord>["get"]>>;
  try {
    stored = await meshRecords(connection, names).get(MESH_KEY);
  } catch (thrown) {
    if (codeOf(thrown) === JS_CODE.streamNotFound) return undefined;
    throw thrown;
  }
  if (stored.kind === "unreadable")
    throw new BrokerError(
      0,
      `the record of the mesh in ${names.buckets.definitions} cannot be read: ${stored.why}`,
    );
  return stored.kind === "record" ? { record: stored.value, revision: stored.revision } : undefined;
}

/**
 * The names of the mesh with the number of shards that it has. Whoever was told another number is refused, for it
 * would look for every record where it is not; and so is everybody while the mesh is being resharded.
 */
export async function namesOfMesh(connection: Connection, names: Names, told?: number): Promise<Names> {
  const { shards = 1, reshard } = (await readMesh(connection, names))?.record ?? {};
  if (reshard !== undefined) {
    const { from, to } = reshard;
    throw new ShardsError(
      `the mesh is being resharded from ${String(from)} to ${String(to)}: let \`jm reshard --to ${String(to)}\` come to its end first`,
    );
  }
  if (told !== undefined && told !== shards) {
    throw new ShardsError(
      `the mesh has ${String(shards)} ${shards === 1 ? "shard" : "shards"} and JM_SHARDS says ${String(told)}: leave it out, or stop all services and run \`jm reshard --to ${String(told)}\``,
    );
  }
  return createNames(names.prefix, shards);
}

/**
 * Writes down how many shards the mesh has where nobody has: what this process was told, or 1, which is also what a
 * mesh has that was made before there were shards. Any number of processes may do so at once, one of them is first.
 * The bucket of definitions must be there, and no stream of a shard may be made before this.
 */
export async function agreeOnShards(connection: Connection, names: Names, told?: number): Promise<Names> {
  const records = meshRecords(connection, names);
  const there = await records.get(MESH_KEY);
  if (there.kind === "absent" || there.kind === "gone") {
    const shards = (await isFromBefore(connection, names)) ? 1 : (told ?? 1);
    // Who loses reads what the other has written.
    await records.swap(MESH_KEY, { v: 1, shards }, there.kind === "gone" ? there.revision : 0, {
      point: "mesh.shards",
    });
  }
  return namesOfMesh(connection, names, told);
}

/** True where jets lie in one stream already. Where they lie in several, somebody has lost how many: no guess is made. */
async function isFromBefore(connection: Connection, names: Names): Promise<boolean> {
  const one = names.kvStream(names.buckets.jets);
  const found: string[] = [];
  try {
    for await (const stream of connection.jsm.streams.names()) found.push(stream);
  } catch (thrown) {
    throw ofClient(thrown, "the streams cannot be listed");
  }
  const shards = found.filter(
    (stream) => stream.startsWith(`${one}_`) && /^\d+$/.test(stream.slice(one.length + 1)),
  );
  if (shards.length > 0) {
    throw new ShardsError(
      `there are ${String(shards.length)} streams of jets, but ${names.buckets.definitions} does not say how many shards the mesh has: write it back, as by \`nats kv put ${names.buckets.definitions} ${MESH_KEY} '{"v":1,"shards":${String(shards.length)}}'\``,
    );
  }
  return found.includes(one);
}
