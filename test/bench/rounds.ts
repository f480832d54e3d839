import { execFile } from "node:child_process";
import type { Entry, RunningEngine } from "./engine.ts";
import { cpuMsOf, memoryOf } from "./process-usage.ts";
import type { Slice } from "./report/summary.ts";
import type { Resources } from "./resources.ts";
import { say } from "./say.ts";
import type { Standstill } from "./standstill.ts";

export interface Plan {
  readonly levels: readonly number[];
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly forMs: number;
}

/**
 * In each round, at each load, every engine in its turn: whatever the machine does besides meets all of them. The order
 * moves on each time, so that none always follows the same one. An engine that fails is left out from then on.
 */
export async function measureRounds(
  entries: readonly Entry[],
  plan: Plan,
  standstill: Standstill,
  resources: Resources,
): Promise<{ readonly slices: readonly Slice[]; readonly failed: ReadonlyMap<string, string> }> {
  const slices: Slice[] = [];
  const failed = new Map<string, string>();
  let turn = 0;
  for (let round = 0; round < plan.rounds; round += 1) {
    for (const inFlight of plan.levels) {
      for (const { engine, running } of rotated(entries, turn++)) {
        if (failed.has(engine.key)) continue;
        await flushDisks();
        await standstill.wake(running);
        try {
          slices.push({ engine: engine.key, round, inFlight, ...(await measure(running, inFlight, plan)) });
        } catch (thrown) {
          if (resources.isClosing()) throw thrown;
          const problem = thrown instanceof Error ? thrown.message : String(thrown);
          say(`${engine.name} FAILED at ${inFlight} in flight and is left out from here: ${problem}`);
          failed.set(engine.key, problem.split("\n")[0] ?? problem);
        }
        standstill.rest(running);
      }
      say(`round ${round + 1} of ${plan.rounds}: ${inFlight} in flight measured`);
    }
  }
  return { slices, failed };
}

export function rotated<T>(all: readonly T[], by: number): T[] {
  const at = all.length === 0 ? 0 : by % all.length;
  return [...all.slice(at), ...all.slice(0, at)];
}

type Measured = Omit<Slice, "engine" | "round" | "inFlight">;

async function measure(running: RunningEngine, inFlight: number, plan: Plan): Promise<Measured> {
  const { server, worker } = running.pids();
  const groups = { server, worker, load: [running.load.pid] };
  const each = <T>(use: (roots: readonly number[]) => T): Record<keyof typeof groups, T> => ({
    server: use(groups.server),
    worker: use(groups.worker),
    load: use(groups.load),
  });
  let before = each(() => 0);
  let after = before;
  let memory = before;
  const { latencies, tookMs } = await running.load.run(
    { inFlight, warmUpMs: plan.warmUpMs, forMs: plan.forMs },
    {
      began: () => (before = each(cpuMsOf)),
      ended() {
        after = each(cpuMsOf);
        memory = each(memoryOf);
      },
    },
  );
  return {
    latencies,
    tookMs,
    cpuMs: {
      server: after.server - before.server,
      worker: after.worker - before.worker,
      load: after.load - before.load,
    },
    memoryBytes: memory,
  };
}

const FLUSH_MS = 10_000;

/** What the last engine left to the system to write would be written while the next is measured. */
function flushDisks(): Promise<void> {
  return new Promise((resolve) => {
    execFile("sync", { timeout: FLUSH_MS }, () => resolve());
  });
}
