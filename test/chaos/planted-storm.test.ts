import { join } from "node:path";
import { expect, test } from "vitest";
import { runScript } from "../support/run-script.ts";
import { COLUMNS } from "./checker/violation.ts";

const MAIN = join(import.meta.dirname, "storm/main.ts");

test("more than a limit lets in, any runner, another value, and a secret that is shown are each found by a storm", async () => {
  const plants = ["limit", "label", "secret", "shown"].flatMap((plant) => ["--plant", plant]);
  const { code, lines, problem } = await runScript(MAIN, [
    ...["--seed", "42", "--seconds", "10", "--runners", "2", ...plants, "--json"],
  ]);
  const said = `${lines.join("\n")}\n${problem}`.slice(-20_000);
  expect(code, said).toBe(1);
  const found = JSON.parse(lines.at(-1) ?? "") as Record<string, number> & { most: Record<string, number> };
  expect(COLUMNS.filter((column) => (found[column] ?? 0) > 0)).toEqual(["limits", "placement", "secrets"]);
  expect(found.most["racks"], said).toBeGreaterThan(2);
  expect(found.most["all"], said).toBeGreaterThan(3);
  expect(said).toMatch(/step-\d of \w+ had 'something-else' for a secret/);
  expect(said).toContain("the broker has a secret in ");
}, 240_000);
