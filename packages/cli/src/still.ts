import { setTimeout as sleep } from "node:timers/promises";
import type { MeshClient } from "@jetmesh/client";
import { createMeshStore, ensureError, scanNewest } from "@jetmesh/storage";
import { SERVICES } from "./doctor/services.ts";
import { FailedError } from "./errors.ts";

const LOOK_MS = 500;
const ANSWER_MS = 500;

/**
 * Waits until nothing of a mesh runs any more, or says what does: a process that listens, even one that is paused and
 * does not answer; the presence of a runner; a lease. Twice in a row, for in a cluster it takes a moment until one node
 * knows who listens at another.
 */
export async function assertStill(client: MeshClient, withinMs: number): Promise<void> {
  const until = performance.now() + withinMs;
  for (let still = 0; still < 2; ) {
    const there = await whoIsThere(client);
    still = there.length === 0 ? still + 1 : 0;
    if (there.length > 0 && performance.now() > until) {
      throw new FailedError(
        `the mesh still runs: ${there.join(", ")}\n  stop all services first; the presence of a runner that was killed goes after 15 s`,
        { code: "still_running", details: { there } },
      );
    }
    await sleep(LOOK_MS);
  }
}

async function whoIsThere(client: MeshClient): Promise<string[]> {
  const [listening, present, leading] = await Promise.all([
    Promise.all(SERVICES.map(async (service) => ((await listens(client, service)) ? [service] : []))),
    keysOf(client, "runners"),
    keysOf(client, "leases"),
  ]);
  return [
    ...listening.flat(),
    ...present.map((runner) => `the presence of ${runner}`),
    ...leading.map((role) => `the lease of ${role}`),
  ];
}

async function listens({ connection, names }: MeshClient, service: string): Promise<boolean> {
  try {
    await connection.nc.request(names.svc.of(service, "health"), "", { timeout: ANSWER_MS });
    return true;
  } catch (thrown) {
    return !ensureError(thrown).message.startsWith("no responders");
  }
}

/** Who has written a presence or a lease that has not run out. */
async function keysOf({ connection, names }: MeshClient, bucket: "runners" | "leases"): Promise<string[]> {
  const { leases } = createMeshStore(connection, names);
  const found = await scanNewest(connection, names, names.buckets[bucket], 100_000, ({ key, data }) => {
    // Marks of suspects and probes lie among the leases; and a lease that was given back names nobody.
    const lease = bucket === "leases" ? leases.parse(data) : undefined;
    const isHeld =
      lease === undefined ||
      (!/^(?:suspect|probe)\./.test(key) && !(lease.kind === "record" && lease.value.holder === "none"));
    return isHeld ? key : undefined;
  });
  return [...found.values()];
}
