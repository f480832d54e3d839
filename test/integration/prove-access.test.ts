import { join } from "node:path";
import { expect, test } from "vitest";
import { runScript } from "../support/run-script.ts";

/** What `npm run prove:access` does, shorter: random operations on a real mesh, held against a model of the rules. */
const MAIN = join(import.meta.dirname, "../prove/access/main.ts");
const prove = (...args: string[]): ReturnType<typeof runScript> => runScript(MAIN, args);

test("a mesh answers random operations as the model of the rules does, every time", async () => {
  const { code, lines, problem } = await prove("--seed", "3", "--operations", "300", "--json");
  const said = `${lines.join("\n")}\n${problem}`;
  expect(code, said).toBe(0);
  const result = JSON.parse(lines.at(-1) ?? "") as Record<string, number>;
  expect(Object.keys(result)).toEqual(["seed", "operations", "allowed", "denied", "disagreements"]);
  expect(result).toMatchObject({ seed: 3, operations: 300, disagreements: 0 });
  // Both answers are given often, or there is nothing that it proves.
  expect(result["allowed"]).toBeGreaterThan(100);
  expect(result["denied"]).toBeGreaterThan(60);
}, 180_000);

test.each([
  [["--seed", "x"], "--seed must be a whole number"],
  [["--operations", "0"], "--operations must be a whole number from 1"],
  [["--plant", "nothing"], "--plant is one of"],
  [["--sead", "1"], "--sead"],
])("a command line that is wrong, %j, is told so with 2, and nothing is started", async (args, says) => {
  const { code, problem } = await prove(...args);
  expect(code).toBe(2);
  expect(problem).toContain(says);
});
