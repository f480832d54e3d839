import { join } from "node:path";
import { expect, test } from "vitest";
import { runScript } from "../support/run-script.ts";

/**
 * A short storm, as `npm run chaos` runs it. The seed is the first that ever found something: a jet whose creating
 * action had triggers queued behind it never settled.
 */
const MAIN = join(import.meta.dirname, "../chaos/storm/main.ts");

const chaos = (...args: string[]): ReturnType<typeof runScript> => runScript(MAIN, args);

test("a short storm violates nothing, says what it did, and ends with one object", async () => {
  const { code, lines, problem } = await chaos("--seed", "1", "--seconds", "10", "--runners", "2", "--json");
  const said = `${lines.slice(-40).join("\n")}\n${problem}`;
  expect(code, said).toBe(0);
  const result = JSON.parse(lines.at(-1) ?? "") as Record<string, unknown>;
  expect(result, said).toMatchObject({
    seed: 1,
    doubleMains: 0,
    repeatedSteps: 0,
    openActions: 0,
    unsettledJets: 0,
    lost: 0,
    resurrected: 0,
    limits: 0,
    placement: 0,
    secrets: 0,
    // They contended for the slots of each rack.
    most: { racks: 2 },
    takeoverMs: { p50: expect.any(Number) as number, p99: expect.any(Number) as number },
  });
  expect(result["accepted"]).toBeGreaterThan(100);
  expect(Number(result["accepted"]) + Number(result["refused"])).toBeLessThanOrEqual(
    Number(result["triggers"]),
  );
  expect(Object.keys(result["faults"] as object).length).toBeGreaterThan(0);
  expect(lines[0]).toMatch(/^seed 1: \d+ disturbances in 10 s$/);
}, 240_000);

test.each([
  [["--seed", "x"], "--seed must be a whole number"],
  [["--seconds", "0"], "--seconds must be a whole number from 1"],
  [["--nodes", "2"], "--nodes is 1 or 3"],
  [["--shards", "65"], "--shards must be a whole number from 1 to 64"],
  [["--sead", "1"], "--sead"],
])("a command line that is wrong, %j, is told so with 2, and nothing is started", async (args, says) => {
  const { code, problem } = await chaos(...args);
  expect(code).toBe(2);
  expect(problem).toContain(says);
});
