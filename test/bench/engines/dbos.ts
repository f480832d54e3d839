/**
 * DBOS Transact on PostgreSQL.
 *
 * claim       the workflow's row, with its id as the key and its executor, by the process that runs it
 * record      the step's row; then the workflow's output and state
 * completion  the process answers when `getResult` does
 * tuned       the worker is an application's process that starts the workflow when it is asked to over a socket, one
 *             line a job, which is how DBOS is used most and its fastest: by a queue (`DBOSClient.enqueue`) the result is
 *             polled for, once a second by default. A pool of 32 connections instead of 10; tracing off
 */
import { join } from "node:path";
import type { Engine } from "../engine.ts";
import { PEERS } from "../folders.ts";
import { peerEngine } from "../peer-engine.ts";
import { onFreePorts } from "../servers/on-free-ports.ts";
import { POSTGRES_DURABILITY, startPostgres } from "../servers/postgres.ts";

export const DBOS: Engine = peerEngine({
  key: "dbos",
  name: "dbos",
  sync: "synced",
  durability: POSTGRES_DURABILITY,
  takeOverBy:
    "only a restarted process of the same executor id; other processes by Conductor, which is not free",
  packages: ["@dbos-inc/dbos-sdk", "pg"],
  folder: join(PEERS, "dbos"),
  async startServer(name, resources) {
    const { server, url, version } = await startPostgres(name, resources);
    const port = await onFreePorts(1, async ([free = 0]) => Promise.resolve(free));
    return {
      pids: () => [server.pid],
      env: { DATABASE_URL: url, WORKER_PORT: String(port) },
      versions: { postgresql: version },
    };
  },
});
