import { join } from "node:path";
import { expect, test } from "vitest";
import { runScript } from "../support/run-script.ts";

const MAIN = join(import.meta.dirname, "../prove/access/main.ts");

test.each([
  ["of who reads plans", "users read plans", 4],
  ["of the users of any jet", "not of any jet", 8],
])(
  "the rule %s, wrong in the model on purpose, is found, and its smallest case printed",
  async (_which, plant, most) => {
    const { code, lines, problem } = await runScript(MAIN, ["--seed", "1", "--plant", plant, "--json"]);
    const said = `${lines.join("\n")}\n${problem}`;
    expect(code, said).toBe(1);
    expect(JSON.parse(lines.at(-1) ?? "")).toMatchObject({ disagreements: 1 });
    const [, size] = /the smallest case of (\d+) operations/.exec(said) ?? [];
    expect(Number(size), said).toBeGreaterThanOrEqual(2);
    expect(Number(size), said).toBeLessThanOrEqual(most);
    expect(said).toMatch(/by the rules it is .*\n +by the mesh it is /);
  },
  180_000,
);
