import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startMesh } from "@jetmesh/testkit";
import { makeLanes, runTurns } from "./inside/loop-mesh.ts";
import { memoryOf } from "./process-usage.ts";
import { round } from "./report/statistics.ts";

/**
 * Steady load for long, with closed records that are kept for a short while: memory and disk come to a level and stay there.
 * The same again and again, and after each part what every process takes and what lies in the store.
 */
const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    actions: { type: "string", default: "200000" },
    parts: { type: "string", default: "8" },
    keptMs: { type: "string", default: "10000" },
    inFlight: { type: "string", default: "64" },
  },
});
const parts = Number(values.parts);
const each = Math.round(Number(values.actions) / parts);
const inFlight = Number(values.inFlight);

function sizeOf(folder: string, without: readonly string[] = []): number {
  return readdirSync(folder, { withFileTypes: true }).reduce((sum, entry) => {
    const path = join(folder, entry.name);
    if (without.includes(entry.name)) return sum;
    try {
      return sum + (entry.isDirectory() ? sizeOf(path, without) : statSync(path).size);
    } catch {
      // The broker drops files as it goes.
      return sum;
    }
  }, 0);
}

await using mesh = await startMesh({ env: { JM_CLOSED_TTL_MS: values.keptMs } });
const client = await mesh.client();
await makeLanes(client, inFlight);
const rows: object[] = [];
for (let part = 1; part <= parts; part += 1) {
  const began = performance.now();
  await runTurns(client, inFlight, each);
  const row = {
    actions: part * each,
    rate: round(each / ((performance.now() - began) / 1_000), 0),
    mb: Object.fromEntries([
      ["broker", round(memoryOf([mesh.server.pid]) / 1e6, 0)],
      ...mesh.services.map(({ name, pid }) => [name, round(memoryOf([pid]) / 1e6, 0)] as const),
    ]),
    storeMb: round(sizeOf(mesh.server.storeDir) / 1e6, 0),
    // The history is kept for thirty days, and is to grow.
    withoutHistoryMb: round(sizeOf(mesh.server.storeDir, ["JM_HISTORY"]) / 1e6, 0),
  };
  rows.push(row);
  if (!values.json) console.log(JSON.stringify(row));
}
if (values.json) console.log(JSON.stringify({ rows }));
