/**
 * pg-boss on PostgreSQL.
 *
 * claim       `for update skip locked`, state `active`, by batches
 * record      state `completed` in the job's row, kept for seven days
 * completion  pg-boss has none for a caller but to ask again and again; a trigger of ours notifies in the statement that
 *             completes: no poll, and no commit more
 * tuned       useListenNotify and a queue with `notify`, which wake the worker at once (without them it polls twice a
 *             second at most); batches of up to 256, fetched again at once while they come back full; two fetchers;
 *             handlers of a batch are awaited together and completed by one statement; a pool of 16 in the caller
 */
import { join } from "node:path";
import type { Engine } from "../engine.ts";
import { PEERS } from "../folders.ts";
import { peerEngine } from "../peer-engine.ts";
import { POSTGRES_DURABILITY, startPostgres } from "../servers/postgres.ts";

export const PG_BOSS: Engine = peerEngine({
  key: "pg-boss",
  name: "pg-boss",
  sync: "synced",
  durability: POSTGRES_DURABILITY,
  takeOverBy: "a job expires after 15 minutes; heartbeats are off unless asked for",
  packages: ["pg-boss", "pg"],
  folder: join(PEERS, "pg-boss"),
  async startServer(name, resources) {
    const { server, url, version } = await startPostgres(name, resources);
    return { pids: () => [server.pid], env: { DATABASE_URL: url }, versions: { postgresql: version } };
  },
});
