import type { Entry, RunningEngine } from "./engine.ts";
import { cpuMsOf, signalTrees } from "./process-usage.ts";
import type { Resources } from "./resources.ts";

/** An engine that uses more than this of a core while nobody asks it for anything would disturb the others. */
const MOST_IDLE_SHARE = 0.03;
const SETTLE_MS = 500;

export interface Standstill {
  /** The share of a core that each engine uses at rest, by its key. */
  readonly idle: ReadonlyMap<string, number>;
  readonly stopped: ReadonlySet<string>;
  wake(running: RunningEngine): Promise<void>;
  rest(running: RunningEngine): void;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const rootsOf = (running: RunningEngine): number[] => {
  const { server, worker } = running.pids();
  return [...server, ...worker, running.load.pid];
};

/** Looks how much each engine uses at rest, and stops those that use much while they are not measured. */
export async function observeIdle(
  entries: readonly Entry[],
  lookMs: number,
  resources: Resources,
): Promise<Standstill> {
  const usedBy = (): number[] => entries.map(({ running }) => cpuMsOf(rootsOf(running)));
  const before = usedBy();
  await pause(lookMs);
  const after = usedBy();
  const idle = new Map(
    entries.map(({ engine }, at) => [engine.key, ((after[at] ?? 0) - (before[at] ?? 0)) / lookMs]),
  );
  const restless = entries.filter(
    ({ engine, running }) => (idle.get(engine.key) ?? 0) > MOST_IDLE_SHARE && running.mayStandStill,
  );
  const stopped = new Set(restless.map(({ running }) => running));
  const rest = (running: RunningEngine): void => {
    if (stopped.has(running) && !resources.isClosing()) signalTrees(rootsOf(running), "SIGSTOP");
  };
  for (const running of stopped) rest(running);
  return {
    idle,
    stopped: new Set(restless.map(({ engine }) => engine.key)),
    rest,
    async wake(running) {
      if (!stopped.has(running)) return;
      signalTrees(rootsOf(running), "SIGCONT");
      await pause(SETTLE_MS);
    },
  };
}
