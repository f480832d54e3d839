import type { Names } from "@jetmesh/protocol";
import type { Connection } from "./connection.ts";
import type { Change } from "./follow.ts";
import { nonEmpty } from "./raw-headers.ts";
import { readStream } from "./read-stream.ts";

/** A place in a bucket: behind this message of the stream of this shard. Revisions of two shards tell nothing of each other. */
export interface Place {
  readonly shard: number;
  readonly sequence: number;
}

interface ScanOptions {
  /** A pattern of keys; all by default. */
  readonly keys?: string;
  readonly cursor?: Place;
  readonly most: number;
}

type Visit = (change: Change) => "more" | "enough";

/**
 * Reads keys shard by shard, in each in the order of their last change, from after `cursor` on, until `visit` says that
 * it has enough or `most` were looked at. Gives the place to go on from, or undefined where everything was seen.
 */
export async function scan(
  connection: Connection,
  names: Names,
  bucket: string,
  { keys = ">", cursor = { shard: 0, sequence: 0 }, most }: ScanOptions,
  visit: Visit,
): Promise<Place | undefined> {
  const buckets = names.bucketsOf(bucket);
  const looked = { left: most, isEnough: false };
  const count: Visit = (change) => {
    looked.left -= 1;
    const wants = visit(change);
    looked.isEnough = wants === "enough";
    return wants;
  };
  for (const [shard, one] of buckets.entries()) {
    if (shard < cursor.shard) continue;
    if (looked.isEnough || looked.left <= 0) return { shard, sequence: 0 };
    const from = shard === cursor.shard ? cursor.sequence : 0;
    const next = await scanOne(connection, names, one, { keys, cursor: from, most: looked.left }, count);
    if (next !== undefined) return { shard, sequence: next };
  }
  return undefined;
}

function scanOne(
  connection: Connection,
  names: Names,
  bucket: string,
  given: { readonly keys: string; readonly cursor: number; readonly most: number },
  visit: Visit,
): Promise<number | undefined> {
  const stream = names.kvStream(bucket);
  return readStream(connection, stream, names.kv(bucket, given.keys), given, (message) => {
    if (message.headers?.has("KV-Operation") === true || message.headers?.has("Nats-Marker-Reason") === true)
      return "more";
    return visit({
      key: message.subject.slice(names.kv(bucket, "").length),
      revision: message.seq,
      exists: true,
      data: message.data,
      header: (name) => nonEmpty(message.headers?.get(name)),
    });
  });
}
