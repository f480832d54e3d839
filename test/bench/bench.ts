import type { Arguments } from "./arguments.ts";
import { type Engine, type Entry, Unavailable } from "./engine.ts";
import { machineFacts } from "./machine.ts";
import { NOT_MEASURED } from "./not-measured.ts";
import { type EngineReport, plainRow, type Report, rowsOf, withRatios } from "./report/summary.ts";
import type { Resources } from "./resources.ts";
import { measureRounds, type Plan } from "./rounds.ts";
import { say } from "./say.ts";
import { observeIdle } from "./standstill.ts";
import { measureTakeOvers } from "./take-over.ts";

/** A quarter of a slice, at most a second: lanes are filled, code is compiled, pools have their connections. */
const warmUpOf = (seconds: number): number => Math.min(1, seconds / 4);

/** Long enough for a share of a core in ticks of 10 ms; less where the whole run is to be short. */
const IDLE_LOOK_MS = 3_000;

export async function runBench(
  engines: readonly Engine[],
  { inFlight, seconds, rounds, takeOver }: Arguments,
  resources: Resources,
): Promise<Report> {
  const machine = machineFacts();
  const { entries, leftOut } = await startAll(engines, resources);
  const standstill = await observeIdle(entries, Math.min(IDLE_LOOK_MS, seconds * 5_000), resources);
  for (const { engine } of entries) {
    const share = ((standstill.idle.get(engine.key) ?? 0) * 100).toFixed(1);
    const stopped = standstill.stopped.has(engine.key) ? "; stopped while others are measured" : "";
    say(`${engine.name} uses ${share} % of a core at rest${stopped}`);
  }
  const warmUpSeconds = warmUpOf(seconds);
  const plan: Plan = { levels: inFlight, rounds, warmUpMs: warmUpSeconds * 1_000, forMs: seconds * 1_000 };
  const { slices, failed } = await measureRounds(entries, plan, standstill, resources);
  const alive = entries.filter(({ engine }) => !failed.has(engine.key));
  const writesPerAction = await countWrites(alive);
  const takeOvers = takeOver ? await measureTakeOvers(alive, standstill) : new Map<string, never>();

  const rows = new Map(
    entries.map(({ engine: { key } }) => [key, rowsOf(slices.filter(({ engine }) => engine === key))]),
  );
  const ours = (sync: Engine["sync"]) =>
    rows.get(sync === "synced" ? "jetmesh-always" : "jetmesh-default") ?? [];
  const reports = entries.map(({ engine, running }): EngineReport => {
    const { key, name, sync, durability } = engine;
    const taken = takeOvers.get(key);
    const own = rows.get(key) ?? [];
    return {
      engine: key,
      name,
      sync,
      durability,
      versions: running.versions,
      rows: key.startsWith("jetmesh-") ? own : withRatios(own, ours(sync)),
      idleCpuPercent: Math.round((standstill.idle.get(key) ?? 0) * 1_000) / 10,
      stoodStill: standstill.stopped.has(key),
      ...(taken === undefined ? {} : { takeOver: taken }),
    };
  });
  const modes = entries
    .filter(({ engine: { key } }) => key.startsWith("jetmesh-"))
    .map(
      ({ engine: { key } }) => [key.slice("jetmesh-".length), (rows.get(key) ?? []).map(plainRow)] as const,
    );
  return {
    modes: Object.fromEntries(modes),
    writesPerAction,
    engines: reports,
    leftOut: [
      ...leftOut,
      ...[...failed].map(([engine, reason]) => ({ engine, reason: `failed: ${reason}` })),
    ],
    notMeasured: NOT_MEASURED,
    machine,
    run: { seconds, rounds, warmUpSeconds },
  };
}

async function startAll(
  engines: readonly Engine[],
  resources: Resources,
): Promise<{ entries: Entry[]; leftOut: { engine: string; reason: string }[] }> {
  const entries: Entry[] = [];
  const leftOut: { engine: string; reason: string }[] = [];
  for (const engine of engines) {
    try {
      entries.push({ engine, running: await engine.start(resources) });
    } catch (thrown) {
      // Our own failure is a failure; a peer's is said, and the run goes on.
      if (engine.key.startsWith("jetmesh-")) throw thrown;
      const problem = thrown instanceof Error ? thrown.message : String(thrown);
      const reason = thrown instanceof Unavailable ? problem : `could not be started: ${problem}`;
      say(`${engine.name} is NOT MEASURED: ${reason}`);
      leftOut.push({ engine: engine.name, reason: reason.split("\n")[0] ?? reason });
    }
  }
  return { entries, leftOut };
}

async function countWrites(entries: readonly Entry[]): Promise<number> {
  for (const { running } of entries) {
    const writes = await running.countWrites?.();
    if (writes !== undefined) return writes;
  }
  return 0;
}
