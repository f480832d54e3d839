import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { MeshClient } from "@jetmesh/client";
import { eventually, startMesh, type TestMesh, writesSoFar } from "@jetmesh/testkit";
import { makeLanes, runTurns } from "../inside/loop-mesh.ts";
import { cpuMsOf } from "../process-usage.ts";
import { median } from "../report/statistics.ts";
import { unitUs } from "./work-unit.ts";

/** What an action costs, in counts and in units of the machine's own speed; no figure is a time. */
export interface Cost {
  /** Acknowledged writes an action. */
  readonly writes: number;
  /** CPU of all services and of nats-server an action, in units of work (`work-unit.ts`). */
  readonly cpuUnits: number;
  /** Bytes that all services allocate on their heaps an action. */
  readonly allocatedBytes: number;
}

const IN_FLIGHT = 64;

/** A fixed run: so many actions of a plan with one step that does nothing, asked for by the API. */
export async function measureCost(actions: number, warmUp: number): Promise<Cost> {
  const dir = mkdtempSync(join(tmpdir(), "jm-cost-"));
  const probe = pathToFileURL(join(import.meta.dirname, "allocation-probe.ts")).href;
  try {
    await using mesh = await startMesh({
      env: { JM_LOG_LEVEL: "warn", JM_PROBE_DIR: dir, NODE_OPTIONS: `--import ${probe}` },
    });
    const client = await mesh.client();
    await makeLanes(client, IN_FLIGHT);
    await runTurns(client, IN_FLIGHT, warmUp);
    const writesBefore = await settledWrites(client);
    const pids = [mesh.server.pid, ...mesh.services.map(({ pid }) => pid)];
    const units = [unitUs()];
    signalAll(mesh);
    const cpuBefore = cpuMsOf(pids);
    // In parts, so that the machine's speed is taken in between, under what else it does meanwhile.
    for (let part = 0; part < PARTS; part += 1) {
      await runTurns(client, IN_FLIGHT, actions / PARTS);
      units.push(unitUs());
    }
    const writes = (await settledWrites(client)) - writesBefore;
    const cpuUs = (cpuMsOf(pids) - cpuBefore) * 1_000;
    signalAll(mesh);
    const allocated = await Promise.all(mesh.services.map(({ pid }) => allocatedBy(dir, pid)));
    console.error(
      mesh.services.map(({ name }, i) => `${name} ${Math.round((allocated[i] ?? 0) / actions)}`).join(", "),
    );
    return {
      writes: writes / actions,
      cpuUnits: cpuUs / actions / median(units),
      allocatedBytes: allocated.reduce((sum, one) => sum + one, 0) / actions,
    };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

const PARTS = 4;

/** Once everything that was begun is closed: the same twice. */
async function settledWrites(client: MeshClient): Promise<number> {
  let last = -1;
  return eventually(
    "the writes to come to rest",
    async () => {
      const now = await writesSoFar(client.connection, client.names);
      if (now === last) return now;
      last = now;
      return undefined;
    },
    { everyMs: 400 },
  );
}

const signalAll = (mesh: TestMesh): void => {
  for (const service of mesh.services) service.signal("SIGUSR2");
};

async function allocatedBy(dir: string, pid: number): Promise<number> {
  const file = join(dir, `${pid}.json`);
  return eventually(`process ${pid} to say what it allocated`, () =>
    existsSync(file) ? readAllocated(file) : undefined,
  );
}

/** Undefined while it is being written. */
function readAllocated(file: string): number | undefined {
  try {
    return (JSON.parse(readFileSync(file, "utf8")) as { allocated: number }).allocated;
  } catch {
    return undefined;
  }
}
