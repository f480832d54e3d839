import { join } from "node:path";
import { parseArgs } from "node:util";
import type { ActionRecord, CreatedAction } from "@jetmesh/protocol";
import { startMesh } from "@jetmesh/testkit";
import { cpuMsOf } from "./process-usage.ts";
import { quantile, round } from "./report/statistics.ts";

/**
 * How soon a created action begins. Workflows: many at once of parallel steps that wait, and how soon after its last step's end each has ended; and what a
 * step costs in chains from ten to thousands; and a wait behind many steps, where the code is gone through from its begin.
 */
const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    workflows: { type: "string", default: "1000" },
    parallel: { type: "string", default: "8" },
    runners: { type: "string", default: "1" },
    /** Steps wait for at least two seconds, and for up to so much longer. */
    spreadMs: { type: "string", default: "20000" },
    /** How long chains are; and chains of steps that wait. */
    chains: { type: "string", default: "10,100,1000,5000" },
    /** Behind how many steps one waits. */
    behind: { type: "string", default: "0,1000,5000,20000" },
  },
});
const MOST_MS = 600_000;
const AT_ONCE = 128;
const many = Number(values.workflows);
const parallel = Number(values.parallel);
const spreadMs = Number(values.spreadMs);

await using mesh = await startMesh();
const client = await mesh.client();
const runners: number[] = [];
for (let n = 0; n < Number(values.runners); n += 1)
  runners.push((await mesh.startRunner(join(import.meta.dirname, "workflow-kinds.ts"))).pid);

async function run(kind: string, argument: object): Promise<ActionRecord> {
  const made = await client.request<CreatedAction>("action.create", {
    ...{ kind, argument, wait: true, timeoutMs: MOST_MS },
  });
  return client.request<ActionRecord>("action.get", { id: made.actionId });
}

/** Milliseconds between the end of its last step and its own. */
function lagOf({ id, steps = [], endedAt }: ActionRecord): Promise<number> {
  const children = steps.map(async ({ child = "" }) => {
    const { endedAt: end = "" } = await client.request<ActionRecord>("action.get", { id: child });
    return Date.parse(end);
  });
  return Promise.all(children).then((ends) => {
    if (endedAt === undefined) throw new Error(`workflow ${id} has not ended`);
    return Date.parse(endedAt) - Math.max(...ends);
  });
}

await run("fan", { many: 1 });
/** Between the request and the runner's having begun it, one at a time on a mesh that does nothing else. */
const starts: number[] = [];
for (let n = 0; n < 200; n += 1) {
  const at = performance.timeOrigin + performance.now();
  const { actionId } = await client.request<CreatedAction>("action.create", {
    ...{ kind: "step", argument: { waitMs: 0 } },
  });
  const { transitions } = await client.ended(actionId);
  const begun = transitions.find(({ to }) => to === "EXECUTING_MAIN")?.at ?? "";
  starts.push(Math.max(0, Date.parse(begun) - at));
}
starts.sort((a, b) => a - b);

const began = performance.now();
const lags: number[] = [];
const waiting = Array.from({ length: many }, (_, n) => n).values();
const ids: string[] = [];
await Promise.all(
  Array.from({ length: AT_ONCE }, async () => {
    for (const _ of waiting) {
      const argument = { many: parallel, fromMs: 2_000, spreadMs };
      const { actionId } = await client.request<CreatedAction>("action.create", { kind: "fan", argument });
      ids.push(actionId);
    }
  }),
);
const createdMs = performance.now() - began;
for (const id of ids) {
  const ended = await client.ended(id, MOST_MS);
  if (ended.outcome !== "SUCCESS") throw new Error(`workflow ${id} failed: ${JSON.stringify(ended)}`);
}
const allMs = performance.now() - began;
for (const id of ids) lags.push(await lagOf(await client.request<ActionRecord>("action.get", { id })));
lags.sort((a, b) => a - b);

interface Chain {
  readonly long: number;
  readonly msPerStep: number;
  /** Of the runners. */
  readonly cpuMsPerStep: number;
  readonly outcome: string;
}
const lengthsOf = (text: string): number[] => text.split(",").filter(Boolean).map(Number);
async function chainOf(long: number): Promise<Chain> {
  const at = performance.now();
  const cpuMs = cpuMsOf(runners);
  const { outcome = "", error } = await run("chain", { long });
  return {
    long,
    msPerStep: round((performance.now() - at) / long, 2),
    cpuMsPerStep: round((cpuMsOf(runners) - cpuMs) / long, 2),
    outcome: error?.code ?? outcome,
  };
}
const chains: Chain[] = [];
for (const long of lengthsOf(values.chains)) chains.push(await chainOf(long));
/** What a wait costs behind so many steps: the code is gone through once more from its begin. */
async function waitsBehind(long: number): Promise<{ long: number; waitMs: number; cpuMs: number }> {
  const words = 20;
  const argument = { long, words };
  const { actionId: id } = await client.request<CreatedAction>("action.create", { kind: "behind", argument });
  const isAt = async (wait: number): Promise<void> => {
    for (;;) {
      const { steps = [], state, claim } = await client.request<ActionRecord>("action.get", { id });
      const waits = steps.some(({ what, n, end }) => what === "wait" && n === wait && end === undefined);
      if (waits && state === "IN_PROGRESS" && claim === undefined) return;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  };
  await isAt(0);
  const at = performance.now();
  const cpuMs = cpuMsOf(runners);
  for (let wait = 1; wait < words; wait += 1) {
    await client.request("action.signal", { id, name: "word" });
    await isAt(wait);
  }
  const each = (ms: number): number => round(ms / (words - 1), 1);
  return { long, waitMs: each(performance.now() - at), cpuMs: each(cpuMsOf(runners) - cpuMs) };
}
const waits: Awaited<ReturnType<typeof waitsBehind>>[] = [];
for (const long of lengthsOf(values.behind)) waits.push(await waitsBehind(long));

const result = {
  startMs: { p50: round(quantile(starts, 0.5), 1), p99: round(quantile(starts, 0.99), 1) },
  workflows: many,
  parallel,
  createdPerSecond: round(many / (createdMs / 1_000), 0),
  allEndedAfterMs: round(allMs, 0),
  lagMs: { p50: quantile(lags, 0.5), p99: quantile(lags, 0.99), max: lags.at(-1) ?? 0 },
  chains,
  waits,
};
if (values.json) console.log(JSON.stringify(result));
else {
  console.log(
    `from the request to the begin of an action, idle: p50 ${String(result.startMs.p50)} ms, p99 ${String(result.startMs.p99)} ms`,
  );
  console.log(
    `${String(many)} workflows of ${String(parallel)} parallel steps that wait: all ended after ${String(result.allEndedAfterMs)} ms`,
  );
  console.log(
    `from the end of the last step to its own: p50 ${String(result.lagMs.p50)} ms, p99 ${String(result.lagMs.p99)} ms, most ${String(result.lagMs.max)} ms`,
  );
  for (const { long, msPerStep, cpuMsPerStep, outcome } of chains)
    console.log(
      `a chain of ${String(long)}: ${outcome}, ${String(msPerStep)} ms a step, ${String(cpuMsPerStep)} ms of the runners' CPU`,
    );
  for (const { long, waitMs, cpuMs } of waits)
    console.log(
      `a wait behind ${String(long)} steps: ${String(waitMs)} ms until the next, ${String(cpuMs)} ms of the runners' CPU`,
    );
}
