import { join } from "node:path";
import { expect, test } from "vitest";
import { runScript } from "../support/run-script.ts";
import { COLUMNS } from "./checker/violation.ts";

/** Seeds that once found something, what it was, and how long it took them. */
const KEPT = [
  {
    seed: 1,
    seconds: 20,
    nodes: 1,
    found: "a jet whose creation had triggers queued behind it never settled",
  },
  {
    seed: 2,
    seconds: 30,
    nodes: 1,
    found: "a killed broker kept an acknowledged hint in its queue for ever",
  },
  { seed: 11, seconds: 60, nodes: 1, found: "a killed broker made a dead letter of a trigger that had run" },
  {
    seed: 16,
    seconds: 60,
    nodes: 1,
    found: "what waited for a destroyed jet was dropped where the state-store died",
  },
  { seed: 3, seconds: 60, nodes: 1, found: "the same, 22 times" },
] as const;

/** Each in a process of its own, as a person runs it: what one storm leaves in memory is nothing to the next. */
test.each(KEPT)(
  "seed $seed violates nothing any more: $found",
  async ({ seed, seconds, nodes }) => {
    const words = ["--seed", seed, "--seconds", seconds, "--nodes", nodes, "--runners", 3, "--json"].map(
      String,
    );
    const { code, lines, problem } = await runScript(join(import.meta.dirname, "storm/main.ts"), words);
    expect(code, `${lines.join("\n")}\n${problem}`.slice(-20_000)).toBe(0);
    const said = JSON.parse(lines.at(-1) ?? "") as Record<string, unknown>;
    const columns = Object.fromEntries(COLUMNS.map((column) => [column, said[column]]));
    expect(columns).toEqual(Object.fromEntries(COLUMNS.map((column) => [column, 0])));
  },
  300_000,
);
