import { parseArgs } from "node:util";
import { connectMesh, writeOnce } from "@jetmesh/storage";
import { startNatsServer } from "@jetmesh/testkit";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";

/**
 * Our pipelined writer beside the stock client's publish: acknowledged compare-and-swap writes to as many keys
 * as are in flight, interleaved in one run. CPU is this process's own, user and system, per write.
 */
const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    writes: { type: "string", default: "100000" },
    inFlight: { type: "string", default: "256" },
    rounds: { type: "string", default: "5" },
  },
});
const writes = Number(values.writes);
const inFlight = Number(values.inFlight);
const rounds = Number(values.rounds);

await using server = await startNatsServer();
const connection = await connectMesh({ url: server.url, name: "bench" });
const jsm = await jetstreamManager(connection.nc);
const js = jetstream(connection.nc);
await jsm.streams.add({ name: "BENCH", subjects: ["bench.>"], max_msgs_per_subject: 1 });
const value = new TextEncoder().encode(JSON.stringify({ filler: "x".repeat(180) }));

type Write = (subject: string, expected: number) => Promise<number>;
const ours: Write = async (subject, expected) => {
  const outcome = await writeOnce(connection, subject, value, { point: "action.outcome", expect: expected });
  if (outcome.kind !== "written") throw new Error(`not written: ${outcome.kind}`);
  return outcome.sequence;
};
const stock: Write = async (subject, expected) =>
  (await js.publish(subject, value, { expect: { lastSubjectSequence: expected } })).seq;

let generation = 0;
async function measure(write: Write): Promise<{ rate: number; cpuUs: number }> {
  generation += 1;
  const before = process.cpuUsage();
  const began = performance.now();
  const lanes = Array.from({ length: inFlight }, async (_, lane) => {
    let revision = 0;
    for (let n = lane; n < writes / rounds; n += inFlight)
      revision = await write(`bench.${String(generation)}.${String(lane)}`, revision);
  });
  await Promise.all(lanes);
  const seconds = (performance.now() - began) / 1_000;
  const cpu = process.cpuUsage(before);
  const done = writes / rounds;
  return { rate: done / seconds, cpuUs: (cpu.user + cpu.system) / done };
}

const results = {
  ours: [] as { rate: number; cpuUs: number }[],
  stock: [] as { rate: number; cpuUs: number }[],
};
await measure(ours);
await measure(stock);
for (let round = 0; round < rounds; round += 1) {
  results.ours.push(await measure(ours));
  results.stock.push(await measure(stock));
}
const median = (numbers: number[]): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;
const summary = (runs: { rate: number; cpuUs: number }[]): { rate: number; cpuUs: number } => ({
  rate: Math.round(median(runs.map((run) => run.rate))),
  cpuUs: Math.round(median(runs.map((run) => run.cpuUs)) * 10) / 10,
});
const report = { writes, inFlight, ours: summary(results.ours), stock: summary(results.stock) };
await connection.close();

if (!values.json) {
  console.log(
    `${String(writes)} compare-and-swap writes, ${String(inFlight)} in flight, median of ${String(rounds)} rounds`,
  );
  console.log(
    `ours   ${String(report.ours.rate).padStart(7)}/s  ${String(report.ours.cpuUs).padStart(5)} µs CPU a write`,
  );
  console.log(
    `stock  ${String(report.stock.rate).padStart(7)}/s  ${String(report.stock.cpuUs).padStart(5)} µs CPU a write`,
  );
  console.log(
    `ratio  ${(report.ours.rate / report.stock.rate).toFixed(2)} in rate, ${(report.stock.cpuUs / report.ours.cpuUs).toFixed(2)} in CPU`,
  );
} else {
  console.log(JSON.stringify(report));
}
