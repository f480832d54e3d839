import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { Engine, Load, RunningEngine } from "./engine.ts";
import { startLoad, startWorker, type WorkerProcess } from "./load-process.ts";
import { installPeers } from "./peers-install.ts";
import type { Resources } from "./resources.ts";
import { packageVersion } from "./servers/version-of.ts";
import { STAND_BY_MS } from "./take-over.ts";

/** What a peer has of its own: a server, and `worker.mjs` and `load.mjs` in a folder. */
export interface Peer extends Omit<Engine, "start"> {
  readonly packages: readonly string[];
  readonly folder: string;
  readonly startServer: (name: string, resources: Resources) => Promise<PeerServer>;
}

export interface PeerServer {
  readonly pids: () => readonly number[];
  /** For its worker and its load. */
  readonly env: Readonly<Record<string, string>>;
  readonly versions: Readonly<Record<string, string>>;
  /** What has to be made once a worker is there. */
  readonly afterWorker?: () => Promise<void>;
}

export function peerEngine({ packages, folder, startServer, ...about }: Peer): Engine {
  return {
    ...about,
    async start(resources): Promise<RunningEngine> {
      await installPeers();
      const { pids, env, versions, afterWorker } = await startServer(about.name, resources);
      const another = (): Promise<WorkerProcess> =>
        startWorker(about.name, join(folder, "worker.mjs"), env, resources);
      const worker = await another();
      await afterWorker?.();
      const load = await startLoad(about.name, join(folder, "load.mjs"), env, resources);
      const ofPackages = packages.map((name) => [name, packageVersion(name)] as const);
      return {
        versions: { ...versions, ...Object.fromEntries(ofPackages) },
        pids: () => ({ server: pids(), worker: [worker.pid] }),
        load,
        takeOver: async (boundMs) => timeTakeOver(about.key, load, [worker, await another()], boundMs),
        mayStandStill: true,
      };
    },
  };
}

const BEGIN_MS = 30_000;

async function timeTakeOver(
  key: string,
  load: Load,
  workers: readonly WorkerProcess[],
  boundMs: number,
): Promise<number | undefined> {
  const began = workers.map(async (worker) => ({
    worker,
    id: await worker.holding(STAND_BY_MS + BEGIN_MS + boundMs),
  }));
  // The one that never begins it is no failure of ours.
  for (const one of began) one.catch(() => undefined);
  await setTimeout(STAND_BY_MS);
  load.hold(`hold-${key}`);
  const { worker } = await Promise.race(began);
  const others = workers
    .map((other, index) => ({ other, began: began[index] }))
    .filter(({ other }) => other !== worker);
  const killedAt = performance.now();
  await worker.kill();
  const taken = others.map(async ({ began: later }) => {
    await later;
    return performance.now() - killedAt;
  });
  return Promise.race([...taken, setTimeout(boundMs, undefined)]);
}
