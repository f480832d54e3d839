import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import type { MeshClient } from "@jetmesh/client";
import { applyDocuments, loopDocuments, startMesh, writesSoFar } from "@jetmesh/testkit";

/**
 * A closed loop over the whole mesh: trigger a jet action by the API, wait until it has ended and that is known
 * to the caller, do it again. The plan has one step that does nothing, so what is measured is the mesh. Every
 * level runs for a fixed number of actions after a warm-up; five services, one nats-server and this load
 * generator share the machine.
 */
const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    inFlight: { type: "string", default: "1,16,64,256" },
    modes: { type: "string", default: "default,always" },
    seconds: { type: "string", default: "4" },
  },
});
const levels = values.inFlight.split(",").map(Number);
const seconds = Number(values.seconds);
type Mode = "default" | "always";
interface Row {
  readonly inFlight: number;
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
}

const round = (value: number, digits = 2): number => Math.round(value * 10 ** digits) / 10 ** digits;
const quantile = (sorted: readonly number[], q: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0;

/** `lanes` jets, each triggered again as soon as it has ended, until the time is up. */
async function run(
  client: MeshClient,
  lanes: number,
  forMs: number,
): Promise<{ latencies: number[]; tookMs: number }> {
  const latencies: number[] = [];
  const began = performance.now();
  await Promise.all(
    Array.from({ length: lanes }, async (_, lane) => {
      while (performance.now() - began < forMs) {
        const asked = performance.now();
        const reply = await client.request<{ outcome?: string }>("jet.trigger", {
          jet: `jet${String(lane)}`,
          action: "turn",
          wait: true,
        });
        if (reply.outcome !== "SUCCESS") throw new Error(`an action ended ${JSON.stringify(reply)}`);
        latencies.push(performance.now() - asked);
      }
    }),
  );
  return { latencies, tookMs: performance.now() - began };
}

async function measure(client: MeshClient, inFlight: number): Promise<Row> {
  await run(client, inFlight, 1_000);
  const { latencies, tookMs } = await run(client, inFlight, seconds * 1_000);
  const sorted = latencies.toSorted((a, b) => a - b);
  return {
    inFlight,
    rate: Math.round((latencies.length / tookMs) * 1_000),
    p50: round(quantile(sorted, 0.5)),
    p99: round(quantile(sorted, 0.99)),
  };
}

/** Counted from the streams' own sequences, once everything that was begun is closed. */
async function writesPerAction(client: MeshClient): Promise<number> {
  const count = 200;
  const settled = async (): Promise<number> => {
    for (let last = -1; ; ) {
      const now = await writesSoFar(client.connection, client.names);
      if (now === last) return now;
      last = now;
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
  };
  const before = await settled();
  for (let n = 0; n < count; n += 1)
    await client.request("jet.trigger", { jet: "jet0", action: "turn", wait: true });
  return round(((await settled()) - before) / count);
}

const modes: Partial<Record<Mode, Row[]>> = {};
let writes = 0;
let version = "";
for (const mode of values.modes.split(",") as Mode[]) {
  await using mesh = await startMesh({
    server: { sync: mode },
    env: { JM_LOG_LEVEL: "warn", JM_CONCURRENCY: "512" },
  });
  const client = await mesh.client();
  version = client.connection.nc.info?.version ?? "";
  await applyDocuments(client, loopDocuments([{ wait: 0 }]));
  const lanes = Math.max(...levels);
  for (let at = 0; at < lanes; at += 64) {
    await Promise.all(
      Array.from({ length: Math.min(64, lanes - at) }, (_, n) =>
        client.request("jet.create", { template: "loop", reference: `jet${String(at + n)}`, wait: true }),
      ),
    );
  }
  const rows: Row[] = [];
  for (const inFlight of levels) rows.push(await measure(client, inFlight));
  modes[mode] = rows;
  writes = await writesPerAction(client);
}

const report = { modes, writesPerAction: writes };
if (values.json) {
  console.log(JSON.stringify(report));
} else {
  console.log(
    `one-step no-op plan, trigger to ended and known; nats-server ${version}, Node ${process.versions.node}, load ${loadavg()
      .map((load) => load.toFixed(1))
      .join(" ")}`,
  );
  for (const [mode, rows] of Object.entries(modes)) {
    console.log(`\nsync ${mode}\n  in flight   actions/s    p50 ms    p99 ms`);
    for (const { inFlight, rate, p50, p99 } of rows) {
      console.log(
        `  ${String(inFlight).padStart(9)}   ${String(rate).padStart(9)}   ${p50.toFixed(2).padStart(7)}   ${p99.toFixed(2).padStart(7)}`,
      );
    }
  }
  console.log(`\nacknowledged writes per action: ${String(writes)}`);
}
