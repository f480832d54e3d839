import { join } from "node:path";
import { expect, test } from "vitest";
import { runScript } from "../support/run-script.ts";

const MAIN = join(import.meta.dirname, "../prove/access/main.ts");

test("the rule of the users of any jet, wrong in the model on purpose, is found, and its smallest case printed", async () => {
  const { code, lines, problem } = await runScript(MAIN, [
    ...["--seed", "1", "--plant", "not of any jet", "--json"],
  ]);
  const said = `${lines.join("\n")}\n${problem}`;
  expect(code, said).toBe(1);
  expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ disagreements: 1 });
  const [, size] = /the smallest case of (\d+) operations/.exec(said) ?? [];
  expect(Number(size), said).toBeGreaterThanOrEqual(2);
  expect(Number(size), said).toBeLessThanOrEqual(8);
  expect(said).toMatch(/by the rules it is .*\n +by the mesh it is /);
}, 180_000);
