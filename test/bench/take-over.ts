import type { Entry } from "./engine.ts";
import type { TakeOver } from "./report/summary.ts";
import { say } from "./say.ts";
import type { Standstill } from "./standstill.ts";

/** BullMQ's defaults take up to a minute; what takes hours by its defaults is told by them. */
export const TAKE_OVER_BOUND_MS = 70_000;

/** How long the second worker has been there when the first is killed: it stood by, and did not just come. */
export const STAND_BY_MS = 8_000;

/** All engines side by side: nearly all of it is waiting. */
export async function measureTakeOvers(
  entries: readonly Entry[],
  standstill: Standstill,
  boundMs = TAKE_OVER_BOUND_MS,
): Promise<ReadonlyMap<string, TakeOver>> {
  say(`killing a worker of each engine in the middle of a job; at most ${boundMs / 1_000} s`);
  const found = await Promise.all(
    entries.map(async ({ engine, running }): Promise<[string, TakeOver][]> => {
      try {
        await standstill.wake(running);
        const ms = await running.takeOver(boundMs);
        return [
          [engine.key, { ms: ms === undefined ? null : Math.round(ms), boundMs, by: engine.takeOverBy }],
        ];
      } catch (thrown) {
        say(`${engine.name}: the take-over could not be measured: ${String(thrown)}`);
        return [];
      }
    }),
  );
  return new Map(found.flat());
}
