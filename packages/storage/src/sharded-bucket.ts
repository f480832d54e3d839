import type { Names } from "@jetmesh/protocol";
import { type Bucket, type BucketPlan, createBucket } from "./bucket.ts";
import type { Connection } from "./connection.ts";

/**
 * A bucket whose keys lie in the shards that they belong to. A revision counts within its shard, and is compared with
 * revisions of the same key alone.
 */
export function createShardedBucket<T>(connection: Connection, names: Names, plan: BucketPlan<T>): Bucket<T> {
  const shards = new Map(
    names.bucketsOf(plan.name).map((name) => [name, createBucket(connection, names, { ...plan, name })]),
  );
  const [first] = shards.values();
  if (first === undefined) throw new Error(`${plan.name} has no shard`);
  if (shards.size === 1) return first;
  const of = (key: string): Bucket<T> => shards.get(names.bucketOf(plan.name, key)) ?? first;
  return {
    name: plan.name,
    get: (key) => of(key).get(key),
    swap: (key, value, expected, options) => of(key).swap(key, value, expected, options),
    put: (key, value, options) => of(key).put(key, value, options),
    remove: (key, point) => of(key).remove(key, point),
    parse: (bytes) => first.parse(bytes),
  };
}
