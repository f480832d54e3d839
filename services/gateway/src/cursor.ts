import { RefusedError } from "@jetmesh/service-kit";
import type { Place } from "@jetmesh/storage";

/**
 * A cursor is a place in a bucket, and to whoever gets it a word without a meaning: the sequence where the bucket is
 * one stream, `<shards>.<shard>.<sequence>` where it is several, so that one from before a resharding is refused and
 * not taken for a place that it is not.
 */
export function encodeCursor({ shard, sequence }: Place, shards: number): string {
  return shards === 1 ? String(sequence) : [shards, shard, sequence].join(".");
}

export function decodeCursor(cursor: string, shards: number): Place {
  const [sequence = Number.NaN, shard = 0] = cursor.split(".").map(Number).toReversed();
  const place = { shard, sequence };
  const isPlace = Number.isSafeInteger(sequence) && sequence >= 0 && shard >= 0 && shard < shards;
  // Written again as it was given out: no sign, no blank, no exponent, and for as many shards.
  if (isPlace && encodeCursor(place, shards) === cursor) return place;
  throw new RefusedError("invalid_request", "the cursor is none that was given out");
}
