import type { Names } from "@jetmesh/protocol";
import type { Connection } from "./connection.ts";
import { type Follower, type FollowOptions, followStream } from "./follow.ts";

/**
 * Follows a bucket, over all its shards where it has several: every key is seen once and then its changes, in the order
 * of that key. Changes of keys of different shards come in no order. A single key is followed in its own shard alone.
 */
export function follow(connection: Connection, names: Names, options: FollowOptions): Follower {
  const { bucket, keys } = options;
  const buckets =
    keys === undefined || /[*>]/.test(keys) ? names.bucketsOf(bucket) : [names.bucketOf(bucket, keys)];
  const followers = buckets.map((one) => followStream(connection, names, { ...options, bucket: one }));
  const [only] = followers;
  if (only !== undefined && followers.length === 1) return only;
  return {
    ready: Promise.all(followers.map(({ ready }) => ready)).then(() => undefined),
    get isReady() {
      return followers.every(({ isReady }) => isReady);
    },
    async catchUp(timeoutMs) {
      const caught = await Promise.all(followers.map((follower) => follower.catchUp(timeoutMs)));
      return caught.every(Boolean);
    },
    async stop() {
      await Promise.all(followers.map((follower) => follower.stop()));
    },
  };
}
