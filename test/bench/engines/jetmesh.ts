/**
 * Jetmesh: five services, one of each, on one nats-server; the stream's default sync, or `sync_interval: always`.
 *
 * claim       a compare-and-swap on the action's record, by the runner
 * record      the outcome in the action's record; the jet settled, the history, the record closed
 * completion  the reply to `jet.trigger` with `wait`
 * tuned       JM_CONCURRENCY 512, so that 256 in flight find room; the plan has one step that does nothing (`wait: 0`,
 *             ADR 0014); each lane has a jet of its own, each trigger makes an action with an id of its own
 *
 * The gateway's, authz's, the state-store's and the ticker's CPU and memory count as the server's, beside nats-server.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { MeshClient } from "@jetmesh/client";
import {
  applyDocuments,
  eventually,
  loopDocuments,
  natsServerBinary,
  startMesh,
  type TestMesh,
  writesSoFar,
} from "@jetmesh/testkit";
import type { Engine, RunningEngine } from "../engine.ts";
import { ROOT } from "../folders.ts";
import { startLoad } from "../load-process.ts";
import { versionOf } from "../servers/version-of.ts";
import { STAND_BY_MS } from "../take-over.ts";

export type Mode = "default" | "always";

export const jetmesh = (mode: Mode, lanes: number): Engine => ({
  key: `jetmesh-${mode}`,
  name: `jetmesh (${mode})`,
  sync: mode === "always" ? "synced" : "lazy",
  durability:
    mode === "always"
      ? "JetStream, sync_interval always: on the disk before the answer"
      : "JetStream, default sync: a power loss takes up to two minutes on one node",
  takeOverBy: "known dead after three unanswered requests over at least 1.5 s",
  async start(resources): Promise<RunningEngine> {
    const mesh = await startMesh({
      server: { sync: mode },
      env: { JM_LOG_LEVEL: "warn", JM_CONCURRENCY: "512" },
    });
    resources.add("jetmesh", () => mesh.stop());
    const client = await mesh.client();
    const load = await startLoad(
      `jetmesh (${mode})`,
      join(import.meta.dirname, "jetmesh-load.ts"),
      { NATS_URL: mesh.url, LANES: String(lanes) },
      resources,
    );
    return {
      versions: { jetmesh: ownVersion(), "nats-server": await versionOf(natsServerBinary()) },
      pids: () => pidsOf(mesh),
      load,
      takeOver: (boundMs) => timeTakeOver(mesh, client, boundMs),
      countWrites: () => writesPerAction(client),
      // Stopped, it would be taken for dead by itself: leases and presences have times to live.
      mayStandStill: false,
    };
  },
});

function pidsOf(mesh: TestMesh): ReturnType<RunningEngine["pids"]> {
  const running = mesh.services.filter((service) => service.isRunning());
  const isRunner = ({ name }: { name: string }): boolean => name === "flight-plan-runner";
  return {
    server: [mesh.server.pid, ...running.filter((one) => !isRunner(one)).map(({ pid }) => pid)],
    worker: running.filter(isRunner).map(({ pid }) => pid),
  };
}

const ownVersion = (): string =>
  (JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string }).version;

/** Counted from the streams' own sequences, once everything that was begun is closed. */
async function writesPerAction(client: MeshClient): Promise<number> {
  const count = 200;
  const settled = async (): Promise<number> => {
    for (let last = -1; ; ) {
      const now = await writesSoFar(client.connection, client.names);
      if (now === last) return now;
      last = now;
      await setTimeout(500);
    }
  };
  const before = await settled();
  for (let n = 0; n < count; n += 1)
    await client.request("jet.trigger", { jet: "jet0", action: "turn", wait: true });
  return Math.round((((await settled()) - before) / count) * 100) / 100;
}

/** The step is `idempotent`, or it would not run again at all: what is timed is the same as for the peers. */
async function timeTakeOver(
  mesh: TestMesh,
  client: MeshClient,
  boundMs: number,
): Promise<number | undefined> {
  const dir = mkdtempSync(join(tmpdir(), "jm-bench-takeover-"));
  const file = join(dir, "begun");
  const begun = (): string[] => {
    try {
      return readFileSync(file, "utf8").split("\n").filter(Boolean);
    } catch {
      return [];
    }
  };
  try {
    await mesh.start("flight-plan-runner");
    await setTimeout(STAND_BY_MS);
    const step = { shell: `echo begun >> ${file}; exec sleep 600`, idempotent: true };
    await applyDocuments(client, loopDocuments([step], {}, "held"));
    await client.request("jet.create", { template: "held", reference: "held", wait: true });
    const { actionId: id } = await client.request<{ actionId: string }>("jet.trigger", {
      jet: "held",
      action: "turn",
    });
    await eventually("the step to begin", () => (begun().length > 0 ? true : undefined));
    const { claim } = await client.request<{ claim?: { runner: string } }>("action.get", { id });
    const suffix = claim?.runner.replace("runner-", "") ?? "none";
    const holder = mesh.services.find(({ instance }) => instance.endsWith(suffix));
    if (holder === undefined) throw new Error(`nobody holds the action: ${JSON.stringify(claim)}`);
    const killedAt = performance.now();
    await holder.kill();
    return await eventually(
      "another runner to begin the step",
      () => (begun().length > 1 ? performance.now() - killedAt : undefined),
      { withinMs: boundMs },
    ).catch(() => undefined);
  } finally {
    // What holds the step would wait for it when it is asked to end.
    for (const service of mesh.services) if (service.name === "flight-plan-runner") await service.kill();
    rmSync(dir, { recursive: true, force: true });
  }
}
