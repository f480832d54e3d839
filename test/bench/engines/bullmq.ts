/**
 * BullMQ on Redis.
 *
 * claim       a Lua script moves the job to the active list and takes its lock
 * record      a Lua script moves it to the completed set, with its return value; kept for a day, as our record is
 * completion  the stream of events (QueueEvents), by one blocking read; the caller keeps a map of ids, which costs less
 *             than `job.waitUntilFinished`, two commands a job more
 * tuned       one worker process with 32 jobs at once: of 8 to 256, those with as many as are in flight were the slowest
 *             (64 in flight: half the rate of 16 or 32, since a worker that finds the queue empty goes and waits, and
 *             one that does not has its next job with the answer to the last); `add` one by one, as independent callers
 *             do; append-only file on, snapshots off
 */
import { join } from "node:path";
import type { Engine } from "../engine.ts";
import { PEERS } from "../folders.ts";
import { peerEngine } from "../peer-engine.ts";
import { startRedis } from "../servers/redis.ts";

const CONCURRENCY = "32";

const bullmq = (appendfsync: "everysec" | "always"): Engine =>
  peerEngine({
    key: `bullmq-${appendfsync}`,
    name: `bullmq (${appendfsync})`,
    sync: appendfsync === "always" ? "synced" : "lazy",
    durability:
      appendfsync === "always"
        ? "Redis, append-only file, appendfsync always: on the disk before the answer"
        : "Redis, append-only file, appendfsync everysec: a power loss takes up to one second",
    takeOverBy: "lockDuration 30 s, stalledInterval 30 s",
    packages: ["bullmq", "ioredis"],
    folder: join(PEERS, "bullmq"),
    async startServer(name, resources) {
      const { server, port, version } = await startRedis(name, appendfsync, resources);
      return {
        pids: () => [server.pid],
        env: { REDIS_PORT: String(port), CONCURRENCY },
        versions: { redis: version },
      };
    },
  });

export const BULLMQ: readonly Engine[] = [bullmq("everysec"), bullmq("always")];
