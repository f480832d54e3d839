import { parseArgs } from "node:util";
import { type MeshClient, MeshError } from "@jetmesh/client";
import { HistoryEntry } from "@jetmesh/protocol";
import { readStream } from "@jetmesh/storage";
import { startMesh, type TestMesh } from "@jetmesh/testkit";
import { makeLanes, measureLoop, turn } from "./inside/loop-mesh.ts";
import { memoryOf } from "./process-usage.ts";
import { quantile, round } from "./report/statistics.ts";

/**
 * Triggers by the stream at ten times what the mesh does, for a minute: how much is taken, whether all of that ends, how
 * much memory each service takes meanwhile, what the API answers, and how soon afterwards it is as quick as before.
 * Publishers here share the machine with the mesh, so what is offered is printed beside what was wanted.
 */
const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    seconds: { type: "string", default: "60" },
    times: { type: "string", default: "10" },
    jets: { type: "string", default: "512" },
  },
});
const forMs = Number(values.seconds) * 1_000;
const jets = Number(values.jets);
const MOST_UNDER_WAY = 20_000;
const PROBE_MS = 100;
const PROBE_TIMEOUT_MS = 10_000;
const WATCH_MS = 500;
const QUIET_MS = 180_000;
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

interface Flood {
  offered: number;
  taken: number;
  refused: number;
}

/** So many a second, as evenly as timers allow; who is refused by a full stream counts it and goes on. */
async function flood(client: MeshClient, rate: number, until: number): Promise<Flood> {
  const counts: Flood = { offered: 0, taken: 0, refused: 0 };
  const began = performance.now();
  let underWay = 0;
  let next = 0;
  while (performance.now() < until) {
    const due = ((performance.now() - began) / 1_000) * rate;
    while (counts.offered < due && underWay < MOST_UNDER_WAY) {
      counts.offered += 1;
      underWay += 1;
      const jet = `jet${next++ % jets}`;
      const subject = client.names.trigger.of("root", jet, "turn");
      void client.connection.pipeline.call(subject, "", undefined, 5_000).then((reply) => {
        underWay -= 1;
        if (typeof reply !== "string" && reply.json<{ error?: unknown }>().error === undefined)
          counts.taken += 1;
        else counts.refused += 1;
      });
    }
    await wait(5);
  }
  while (underWay > 0) await wait(20);
  return counts;
}

interface Probe {
  readonly at: number;
  readonly ms: number;
  readonly answer: string;
}

/** One caller of the API who comes every tenth of a second; its jet is its own. */
async function probe(client: MeshClient, isOver: () => boolean): Promise<Probe[]> {
  const probes: Probe[] = [];
  while (!isOver()) {
    const at = performance.now();
    let answer = "ended";
    try {
      const request = { jet: "probe", action: "turn", wait: true, timeoutMs: PROBE_TIMEOUT_MS };
      await client.request("jet.trigger", request);
    } catch (thrown) {
      answer = thrown instanceof MeshError ? thrown.code : "no answer";
      if (answer === "overloaded" && retryAfter(thrown) === undefined) answer = "overloaded without a hint";
    }
    const ms = performance.now() - at;
    probes.push({ at, ms, answer });
    await wait(Math.max(0, PROBE_MS - ms));
  }
  return probes;
}

const retryAfter = (thrown: unknown): unknown =>
  thrown instanceof MeshError
    ? (thrown.details as { retryAfterMs?: number } | undefined)?.retryAfterMs
    : undefined;

/** The most that each service took, by looking again and again. */
function watchMemory(mesh: TestMesh): { stop(): Record<string, number> } {
  const most: Record<string, number> = {};
  const look = (): void => {
    const all = [...mesh.services, { name: "nats-server", pid: mesh.server.pid }];
    for (const { name, pid } of all) most[name] = Math.max(most[name] ?? 0, memoryOf([pid]));
  };
  const timer = setInterval(look, WATCH_MS);
  return {
    stop() {
      clearInterval(timer);
      return Object.fromEntries(
        Object.entries(most).map(([name, bytes]) => [name, Math.round(bytes / 1024 / 1024)]),
      );
    },
  };
}

async function messagesIn(client: MeshClient, stream: string): Promise<number> {
  return (await client.connection.jsm.streams.info(stream)).state.messages;
}

/** History entries of triggers by the stream: each trigger that was taken has one, closed or refused. */
async function endings(client: MeshClient): Promise<{ closed: number; refused: number; twice: number }> {
  const seen = new Map<string, string>();
  let twice = 0;
  const { history } = client.names.streams;
  await readStream(client.connection, history, client.names.history.all, { most: 10_000_000 }, (message) => {
    const entry = HistoryEntry.parse(message.json());
    if (entry.trigger?.via !== "stream") return "more";
    const key = `${entry.what} ${entry.id}`;
    if (seen.has(key)) twice += 1;
    seen.set(key, entry.what);
    return "more";
  });
  const all = [...seen.values()];
  return {
    closed: all.filter((what) => what === "closed").length,
    refused: all.filter((what) => what === "refused").length,
    twice,
  };
}

await using mesh = await startMesh({ env: { JM_LOG_LEVEL: "warn" } });
const client = await mesh.client();
const prober = await mesh.client();
await makeLanes(client, jets);
await client.request("jet.create", { template: "loop", reference: "probe", wait: true });
const calm = { inFlight: 256, warmUpMs: 2_000, forMs: 5_000 };
const capacity = await measureLoop(mesh, client, calm, [mesh.server.pid]);
const before: number[] = [];
for (let n = 0; n < 100; n += 1) {
  const at = performance.now();
  const request = { jet: "probe", action: "turn", wait: true };
  await prober.request("jet.trigger", request);
  before.push(performance.now() - at);
}
before.sort((a, b) => a - b);

const memory = watchMemory(mesh);
let isOver = false;
const probing = probe(prober, () => isOver);
const rate = capacity.rate * Number(values.times);
const counts = await flood(client, rate, performance.now() + forMs);
const floodEnded = performance.now();
process.stderr.write(
  `offered ${counts.offered}, taken ${counts.taken}, refused by the full stream ${counts.refused}\n`,
);

// As quick as before: ten probes in a row within three times the p99 from before.
const quick = quantile(before, 0.99) * 3;
let drainedAt: number | undefined;
for (const until = performance.now() + QUIET_MS; performance.now() < until && drainedAt === undefined; ) {
  await wait(250);
  const { triggers, resume } = client.names.streams;
  const left = (await messagesIn(client, triggers)) + (await messagesIn(client, resume));
  if (left <= 1) drainedAt = performance.now();
}
await wait(5_000);
isOver = true;
const probes = await probing;
const peak = memory.stop();
const ended = await endings(client);
await turn(client, 0);

const during = probes.filter(({ at }) => at <= floodEnded);
const answers: Record<string, number> = {};
for (const { answer } of probes) answers[answer] = (answers[answer] ?? 0) + 1;
const slow = probes
  .filter(({ at, ms, answer }) => at > floodEnded && (answer !== "ended" || ms > quick))
  .at(-1);
const report = {
  capacity: Math.round(capacity.rate),
  offered: counts.offered,
  offeredPerSecond: Math.round(counts.offered / Number(values.seconds)),
  taken: counts.taken,
  refusedByFullStream: counts.refused,
  closed: ended.closed,
  refused: ended.refused,
  lost: counts.taken - ended.closed - ended.refused,
  twice: ended.twice,
  answers,
  answersDuring: during.length,
  slowestAnswerMs: round(Math.max(...probes.map(({ ms }) => ms)), 0),
  p50BeforeMs: round(quantile(before, 0.5)),
  recoveredAfterMs: slow === undefined ? 0 : Math.round(slow.at + slow.ms - floodEnded),
  drainedAfterMs: drainedAt === undefined ? undefined : Math.round(drainedAt - floodEnded),
  peakMemoryMb: peak,
};
console.log(values.json ? JSON.stringify(report) : JSON.stringify(report, null, 2));
process.exitCode = report.lost === 0 && report.twice === 0 ? 0 : 1;
