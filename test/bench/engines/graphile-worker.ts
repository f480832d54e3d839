/**
 * graphile-worker on PostgreSQL.
 *
 * claim       `for update skip locked` and the lock's columns in the job's row, by batches into the local queue
 * record      graphile deletes the job's row. A trigger of ours keeps a row of success in the same statement, so that a
 *             caller who asks later can tell a job that is done from one that never was, as with the others
 * completion  the same trigger notifies: no poll, and no commit more
 * tuned       LISTEN/NOTIFY wake-ups as it comes; localQueue of 500 and 0 ms of completeJobBatchDelay and
 *             failJobBatchDelay (its page on performance: batches of what is there, without waiting for more), 64 jobs
 *             at once, a pool of 16 connections in the worker and in the caller; job keys, as a trigger has an id
 */
import { join } from "node:path";
import type { Engine } from "../engine.ts";
import { PEERS } from "../folders.ts";
import { peerEngine } from "../peer-engine.ts";
import { POSTGRES_DURABILITY, startPostgres } from "../servers/postgres.ts";

export const GRAPHILE_WORKER: Engine = peerEngine({
  key: "graphile-worker",
  name: "graphile-worker",
  sync: "synced",
  durability: POSTGRES_DURABILITY,
  takeOverBy: "a job's lock is held for 4 hours",
  packages: ["graphile-worker", "pg"],
  folder: join(PEERS, "graphile-worker"),
  async startServer(name, resources) {
    const { server, url, version } = await startPostgres(name, resources);
    return { pids: () => [server.pid], env: { DATABASE_URL: url }, versions: { postgresql: version } };
  },
});
