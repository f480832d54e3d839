/**
 * Restate's server from npm, with a service of one handler.
 *
 * claim       the invocation's journal, by the leader of its partition
 * record      the journaled step (`ctx.run`), then the invocation's outcome; both kept for a day, as our record is
 * completion  the answer of the HTTP request
 * tuned       4 partitions instead of 24, its best on two cores; a plain service with an idempotency key, which costs
 *             less than a virtual object or a workflow; HTTP/2 from the server to the worker, requests of the caller over
 *             connections that are kept
 */
import { join } from "node:path";
import type { Engine } from "../engine.ts";
import { PEERS } from "../folders.ts";
import { peerEngine } from "../peer-engine.ts";
import { onFreePorts } from "../servers/on-free-ports.ts";
import { startRestate } from "../servers/restate.ts";

export const RESTATE: Engine = peerEngine({
  key: "restate",
  name: "restate",
  sync: "synced",
  durability: "RocksDB's log with fsync (rocksdb-disable-wal-fsync = false): on the disk before the answer",
  takeOverBy: "the connection to the worker breaks; first retry after 500 ms",
  packages: ["@restatedev/restate-sdk"],
  folder: join(PEERS, "restate"),
  async startServer(name, resources) {
    const { server, ingressPort, adminUrl, version } = await startRestate(name, resources);
    const port = await onFreePorts(1, async ([free = 0]) => Promise.resolve(free));
    return {
      pids: () => [server.pid],
      env: { WORKER_PORT: String(port), INGRESS_PORT: String(ingressPort) },
      versions: { "restate-server": version },
      afterWorker: () => register(adminUrl, `http://127.0.0.1:${port}`),
    };
  },
});

async function register(adminUrl: string, uri: string): Promise<void> {
  const answer = await fetch(`${adminUrl}/deployments`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ uri }),
  });
  if (!answer.ok) throw new Error(`restate refused the worker: ${answer.status} ${await answer.text()}`);
}
