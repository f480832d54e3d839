import { join } from "node:path";
import { expect, test } from "vitest";
import { runScript } from "../support/run-script.ts";

const MAIN = join(import.meta.dirname, "storm/main.ts");

test("a short storm over four shards violates nothing either, and the checker finds them by itself", async () => {
  const { code, lines, problem } = await runScript(MAIN, [
    ...["--seed", "41", "--seconds", "10", "--runners", "2", "--shards", "4", "--json"],
  ]);
  const said = `${lines.slice(-40).join("\n")}\n${problem}`;
  expect(code, said).toBe(0);
  const result = JSON.parse(lines.at(-1) ?? "") as Record<string, unknown>;
  expect(result["accepted"]).toBeGreaterThan(100);
  expect(result["closed"]).toBeGreaterThan(100);
}, 240_000);
