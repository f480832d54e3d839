import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { startMesh, type TestMesh } from "@jetmesh/testkit";
import { unitUs } from "./cost/work-unit.ts";
import { makeLanes, runTurns } from "./inside/loop-mesh.ts";
import { median } from "./report/statistics.ts";

/**
 * Where the CPU of an action goes: the closed loop of `npm run bench` at one level, with every service under V8's
 * sampling profiler. Prints user and system time an action for each process, and for each service the functions that it
 * spent most in, by themselves. Sampling costs a few per cent; shares count here, not rates.
 */
const { values } = parseArgs({
  options: {
    inFlight: { type: "string", default: "256" },
    actions: { type: "string", default: "8000" },
    sync: { type: "string", default: "default" },
    top: { type: "string", default: "25" },
    plain: { type: "boolean", default: false },
  },
});
const inFlight = Number(values.inFlight);
const actions = Number(values.actions);

interface CpuProfile {
  readonly nodes: readonly {
    readonly id: number;
    readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
  readonly startTime: number;
}

/** Microseconds of user and system time that a process has used. */
function cpuOf(pid: number): { user: number; system: number } {
  const stat = readFileSync(`/proc/${String(pid)}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // Clock ticks of 10 ms.
  return { user: Number(fields[11]) * 10_000, system: Number(fields[12]) * 10_000 };
}

const micros = (): number => Number(process.hrtime.bigint() / 1_000n);

function summarize(profile: CpuProfile, from: number, to: number): void {
  const frames = new Map(profile.nodes.map((node) => [node.id, node.callFrame]));
  const self = new Map<string, number>();
  let at = profile.startTime;
  let whole = 0;
  for (const [index, id] of profile.samples.entries()) {
    const delta = profile.timeDeltas[index] ?? 0;
    at += delta;
    if (at < from || at > to) continue;
    const frame = frames.get(id);
    if (frame === undefined || frame.functionName === "(idle)") continue;
    const file = frame.url.replace(
      /^.*\/(node_modules\/(\.pnpm\/[^/]*\/node_modules\/)?|packages\/|services\/|protocol\/)/,
      "",
    );
    const name = `${frame.functionName || "(anonymous)"} ${file}${file === "" ? "" : `:${String(frame.lineNumber + 1)}`}`;
    self.set(name, (self.get(name) ?? 0) + delta);
    whole += delta;
  }
  const sorted = [...self].sort((a, b) => b[1] - a[1]).slice(0, Number(values.top));
  for (const [name, time] of sorted)
    console.log(
      `  ${(time / actions).toFixed(1).padStart(7)} µs ${((100 * time) / whole).toFixed(1).padStart(5)} %  ${name}`,
    );
}

const dir = mkdtempSync(join(tmpdir(), "jm-profile-"));
const profiling = values.plain
  ? {}
  : { NODE_OPTIONS: `--cpu-prof --cpu-prof-interval 400 --cpu-prof-dir=${dir}` };
let mesh: TestMesh | undefined;
try {
  mesh = await startMesh({
    server: { sync: values.sync as "default" | "always" },
    env: {
      JM_LOG_LEVEL: "warn",
      JM_CONCURRENCY: "512",
      ...profiling,
    },
  });
  const client = await mesh.client();
  await makeLanes(client, inFlight);
  await runTurns(client, inFlight, Math.max(2_000, actions / 4));
  const units = [unitUs()];
  const pids: [string, number][] = [
    ["nats-server", mesh.server.pid],
    ...mesh.services.map(({ name, pid }): [string, number] => [name, pid]),
    ["load", process.pid],
  ];
  const before = pids.map(([, pid]) => cpuOf(pid));
  const from = micros();
  const latencies = (await runTurns(client, inFlight, actions)).sort((a, b) => a - b);
  const to = micros();
  units.push(unitUs());
  const unit = median(units);
  let whole = 0;
  for (const [index, [name, pid]] of pids.entries()) {
    const [was, now] = [before[index], cpuOf(pid)];
    const user = (now.user - (was?.user ?? 0)) / actions;
    const system = (now.system - (was?.system ?? 0)) / actions;
    whole += user + system;
    console.log(
      `${name.padEnd(20)} ${(user + system).toFixed(0).padStart(5)} µs (user ${user.toFixed(0)}, system ${system.toFixed(0)})`,
    );
  }
  const quantile = (q: number): string => (latencies[Math.floor(latencies.length * q)] ?? 0).toFixed(2);
  console.log(
    `together ${whole.toFixed(0)} µs an action (${(whole / unit).toFixed(1)} units of work of ${unit.toFixed(1)} µs); ${((actions / (to - from)) * 1e6).toFixed(0)}/s, p50 ${quantile(0.5)} ms, p99 ${quantile(0.99)} ms`,
  );
  await mesh.stop();
  const names = new Map(mesh.services.map(({ pid, name }) => [String(pid), name]));
  for (const file of readdirSync(dir)) {
    const name = names.get(file.split(".")[3] ?? "");
    if (name === undefined) continue;
    console.log(`\n${name}`);
    summarize(JSON.parse(readFileSync(join(dir, file), "utf8")) as CpuProfile, from, to);
  }
} finally {
  await mesh?.stop();
  rmSync(dir, { recursive: true, force: true });
}
