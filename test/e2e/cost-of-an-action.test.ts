import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Cost, measureCost } from "../bench/cost/measure-cost.ts";

/**
 * What an action costs may not creep up unseen. Compared are counts and ratios with what was recorded
 * (`test/bench/cost/baseline.json`; how to record it anew is in docs/benchmarks.md), never times: a write more an action
 * is a regression, and so is a seventh more that is allocated. CPU in units of the machine's own speed is not as sure a
 * figure: it took between 0.9 and 1.2 of what was recorded on one machine, so what is found is what nearly doubles it.
 */
const ACTIONS = 20_000;
const WARM_UP = 6_000;
const baseline = JSON.parse(
  readFileSync(join(import.meta.dirname, "../bench/cost/baseline.json"), "utf8"),
) as Cost;

test("an action costs no more than was recorded", { timeout: 300_000 }, async () => {
  const cost = await measureCost(ACTIONS, WARM_UP);
  const ratio = (of: keyof Cost): number => cost[of] / baseline[of];
  process.stdout.write(
    `an action: ${cost.writes.toFixed(2)} writes, ${cost.cpuUnits.toFixed(1)} units of CPU (${ratio("cpuUnits").toFixed(2)} of what was recorded), ` +
      `${cost.allocatedBytes.toFixed(0)} bytes allocated (${ratio("allocatedBytes").toFixed(2)})\n`,
  );
  // Two more for each that no runner had room for just then.
  expect(cost.writes).toBeLessThan(baseline.writes + 0.5);
  expect(ratio("allocatedBytes")).toBeLessThan(1.15);
  expect(ratio("cpuUnits")).toBeLessThan(1.8);
});
