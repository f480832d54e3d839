import { execFileSync } from "node:child_process";
import { parseArgs } from "node:util";
import { decideAction, dueAt, expiresAt, newAction } from "@jetmesh/lifecycle";
import { type ActionRecord, PlanDefinition } from "@jetmesh/protocol";
import { createMeshStore, follow, type MeshStore } from "@jetmesh/storage";
import { startMesh, type TestMesh } from "@jetmesh/testkit";
import { makeLanes, measureLoop } from "./inside/loop-mesh.ts";
import { memoryOf } from "./process-usage.ts";
import { quantile, round } from "./report/statistics.ts";

/**
 * A mesh that has run for a day: 100 000 open actions, 1 % of them due within a minute, and 1 000 000 closed ones that
 * are kept. How much memory and disk that takes, how long each process takes to start on it, the broker too, and how
 * long a caller waits for lists and a watcher for a change. Records are written as the services write them.
 */
const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    open: { type: "string", default: "100000" },
    closed: { type: "string", default: "1000000" },
  },
});
const [open, closed] = [Number(values.open), Number(values.closed)];
const IN_FLIGHT = 512;
const DAY_MS = 86_400_000;
const now = Date.now();
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const megabytes = (bytes: number): number => Math.round(bytes / 1024 / 1024);

const fresh = (kind: string, index: number): ActionRecord =>
  newAction(
    {
      id: `${kind}${index.toString(16).padStart(24, "0")}`,
      kind: "flight-plan",
      // Nobody serves it, so that nothing runs.
      pool: "nowhere",
      user: "root",
      argument: { index },
      definition: { plan: PLAN, variables: { port: 8080 } },
    },
    now - index,
  );
const PLAN = PlanDefinition.parse({
  kind: "Plan",
  reference: "kept",
  name: "Kept",
  steps: [{ reference: "only", shell: ["true"] }],
});

const openOne = (index: number): ActionRecord => ({
  ...fresh("0a", index),
  timers: { notBefore: new Date(now + (index % 100 === 0 ? 60_000 : DAY_MS)).toISOString() },
});
function closedOne(index: number): ActionRecord {
  const ended = decideAction(
    fresh("0c", index),
    { type: "cancel", why: "canceled", message: "by hand" },
    now,
  );
  const over = ended.kind === "write" ? decideAction(ended.next, { type: "owner_told" }, now) : ended;
  if (over.kind !== "write") throw new Error("an ended action was not closed");
  return over.next;
}

async function fill(
  store: MeshStore,
  count: number,
  make: (index: number) => ActionRecord,
  ttlMs?: number,
): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    for (let index = next++; index < count; index = next++) {
      const record = make(index);
      await store.actions.swap(record.id, record, 0, { point: "action.make", ttlMs });
    }
  };
  const began = performance.now();
  await Promise.all(Array.from({ length: IN_FLIGHT }, lane));
  say(`${count} written in ${Math.round((performance.now() - began) / 1_000)} s`);
}

async function times(count: number, act: () => Promise<unknown>): Promise<{ p50: number; p99: number }> {
  const took: number[] = [];
  for (let n = 0; n < count; n += 1) {
    const began = performance.now();
    await act();
    took.push(performance.now() - began);
  }
  took.sort((a, b) => a - b);
  return { p50: round(quantile(took, 0.5)), p99: round(quantile(took, 0.99)) };
}

const memory = (mesh: TestMesh): Record<string, number> =>
  Object.fromEntries(
    [
      ...mesh.services.filter((service) => service.isRunning()),
      { name: "nats-server", pid: mesh.server.pid },
    ].map(({ name, pid }) => [name, megabytes(memoryOf([pid]))]),
  );

await using mesh = await startMesh({ env: { JM_LOG_LEVEL: "warn" } });
const client = await mesh.client();
const store = createMeshStore(client.connection, client.names, { dueAt, expiresAt });
await makeLanes(client, 64);
const loop = { inFlight: 64, warmUpMs: 2_000, forMs: 4_000 };
const rateEmpty = (await measureLoop(mesh, client, loop, [mesh.server.pid])).rate;
await fill(store, closed, closedOne, DAY_MS);
await fill(store, open, openOne);
const memoryBefore = memory(mesh);

const startMs: Record<string, number> = {};
for (const service of [...mesh.services]) {
  await service.kill();
  const began = performance.now();
  await mesh.start(service.name);
  startMs[service.name] = Math.round(performance.now() - began);
  say(`${service.name}: ready after ${startMs[service.name] ?? 0} ms`);
}
const restarted = performance.now();
await mesh.server.kill();
await mesh.server.restart();
startMs["nats-server"] = Math.round(performance.now() - restarted);
// Until an action runs again from end to end.
for (;;) {
  const answer = await client
    .request<{ outcome?: string }>("jet.trigger", { jet: "jet0", action: "turn", wait: true }, 2_000)
    .catch(() => undefined);
  if (answer?.outcome === "SUCCESS") break;
}
startMs["broker to the first action"] = Math.round(performance.now() - restarted);

const lists = {
  "jet.list": await times(50, () => client.request("jet.list", { limit: 50 })),
  "action.list, first page": await times(50, () => client.request("action.list", { limit: 50 })),
  "action.get": await times(200, () => client.request("action.get", { id: openOne(7).id })),
};
const heard: number[] = [];
let onChange: () => void = () => undefined;
const watcher = follow(client.connection, client.names, {
  bucket: client.names.buckets.jets,
  onChange: () => onChange(),
});
await watcher.ready;
const watch = await times(200, async () => {
  const seen = new Promise<void>((resolve) => (onChange = resolve));
  const stored = await store.jets.get("jet1");
  if (stored.kind !== "record") throw new Error("the jet is gone");
  const began = performance.now();
  const written = store.jets.swap("jet1", stored.value, stored.revision, { point: "jet.apply" });
  await seen;
  heard.push(performance.now() - began);
  await written;
});
await watcher.stop();
heard.sort((a, b) => a - b);
const rateFull = (await measureLoop(mesh, client, loop, [mesh.server.pid])).rate;

const info = await client.connection.jsm.streams.info(client.names.kvStream(client.names.buckets.actions));
const report = {
  open,
  closed,
  records: info.state.messages,
  diskMb: megabytes(Number(execFileSync("du", ["-sb", mesh.server.storeDir]).toString().split("\t")[0])),
  memoryMb: memoryBefore,
  memoryAfterRestartMb: memory(mesh),
  startMs,
  lists,
  watchMs: { p50: round(quantile(heard, 0.5)), p99: round(quantile(heard, 0.99)), readAndWritten: watch.p50 },
  rateAt64: { empty: Math.round(rateEmpty), full: Math.round(rateFull) },
};
console.log(values.json ? JSON.stringify(report) : JSON.stringify(report, null, 2));
