import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { startMesh } from "@jetmesh/testkit";
import { type LoopFigures, makeLanes, measureLoop } from "./inside/loop-mesh.ts";
import { median, round } from "./report/statistics.ts";
import { type Coefficients, type MeshShape, predict } from "./scale-model.ts";

/**
 * What another process, another node and another shard bring: the closed loop over meshes of several shapes, each
 * measured in every round, and the rate that the model of `docs/scaling.md` predicts for it from what an action costs in
 * the smallest mesh alone.
 */
const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    seconds: { type: "string", default: "4" },
    rounds: { type: "string", default: "2" },
    inFlight: { type: "string", default: "256" },
    shapes: { type: "string" },
  },
});
const inFlight = Number(values.inFlight);

const BASE: MeshShape = { runners: 1, stores: 1, shards: 1, brokers: "one node" };
const SHAPES: readonly MeshShape[] = [
  BASE,
  { ...BASE, runners: 2 },
  { ...BASE, runners: 4 },
  { ...BASE, stores: 2 },
  { ...BASE, runners: 2, stores: 2 },
  { ...BASE, shards: 4 },
  { ...BASE, brokers: "one node, synced" },
  { ...BASE, brokers: "one node, synced", shards: 4 },
  { ...BASE, brokers: "three nodes" },
  { ...BASE, brokers: "three nodes", shards: 3 },
];

const nameOf = ({ runners, stores, shards, brokers }: MeshShape): string =>
  `${runners} runner, ${stores} state-store, ${shards} shard, ${brokers}`;

async function measure(shape: MeshShape): Promise<LoopFigures> {
  await using mesh = await startMesh({
    ...(shape.brokers === "three nodes" ? { cluster: 3 } : {}),
    server: { sync: shape.brokers === "one node, synced" ? "always" : "default" },
    env: { JM_LOG_LEVEL: "warn", JM_CONCURRENCY: "512", JM_SHARDS: String(shape.shards) },
    services: { "flight-plan-runner": shape.runners, "state-store": shape.stores },
  });
  const client = await mesh.client();
  await makeLanes(client, inFlight);
  const brokers =
    shape.brokers === "three nodes" ? mesh.cluster.nodes.map(({ pid }) => pid) : [mesh.server.pid];
  return await measureLoop(
    mesh,
    client,
    { inFlight, warmUpMs: 2_000, forMs: Number(values.seconds) * 1_000 },
    brokers,
  );
}

const wanted = SHAPES.filter((shape) => values.shapes === undefined || nameOf(shape).includes(values.shapes));
const measured = new Map<MeshShape, LoopFigures[]>();
for (let n = 0; n < Number(values.rounds); n += 1) {
  for (const shape of n % 2 === 0 ? wanted : wanted.toReversed()) {
    const figures = await measure(shape);
    measured.set(shape, [...(measured.get(shape) ?? []), figures]);
    process.stderr.write(`${nameOf(shape)}: ${Math.round(figures.rate)}/s\n`);
  }
}

const of = (shape: MeshShape, pick: (figures: LoopFigures) => number): number =>
  median((measured.get(shape) ?? []).map(pick));
const names = [...new Set([...measured.values()].flat().flatMap(({ cpuUs }) => Object.keys(cpuUs)))];
const costs = (shape: MeshShape): Coefficients["cpuUs"] =>
  Object.fromEntries(
    names.map((name) => [
      name,
      round(
        of(shape, ({ cpuUs }) => cpuUs[name] ?? 0),
        1,
      ),
    ]),
  );

const cpuUs = costs(BASE);
const cores = cpus().length;
const all = Object.values(cpuUs).reduce((sum, one) => sum + one, 0);
const used = round((of(BASE, ({ rate }) => rate) * all) / (cores * 1e6));
const coefficients: Coefficients = { cores, used, cpuUs };
const rows = wanted.map((shape) => {
  const rate = of(shape, (figures) => figures.rate);
  const predicted = predict(shape, coefficients);
  return {
    shape,
    rate: Math.round(rate),
    p50: round(of(shape, ({ p50 }) => p50)),
    p99: round(of(shape, ({ p99 }) => p99)),
    cpuUs: costs(shape),
    predicted: Math.round(predicted.rate),
    bound: predicted.bound,
    off: round(predicted.rate / rate - 1),
  };
});
if (values.json) console.log(JSON.stringify({ inFlight, coefficients, rows }));
else {
  console.log(
    `| runners | state-stores | shards | broker | actions/s | p50 ms | p99 ms | predicted | off | bound by |`,
  );
  console.log(`|---|---|---|---|---|---|---|---|---|---|`);
  for (const { shape, rate, p50, p99, predicted, off, bound } of rows)
    console.log(
      `| ${[shape.runners, shape.stores, shape.shards, shape.brokers, rate, p50, p99, predicted, `${round(off * 100, 0)} %`, bound].join(" | ")} |`,
    );
  for (const { shape, cpuUs } of rows) console.log(`${nameOf(shape)}: µs an action ${JSON.stringify(cpuUs)}`);
}
