import { expect, test } from "vitest";
import { runStorm } from "./storm/storm.ts";

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

test.each(KEPT)(
  "seed $seed violates nothing any more: $found",
  async ({ found: _found, ...size }) => {
    const said: string[] = [];
    const { verdict } = await runStorm({
      ...size,
      runners: 3,
      stores: 2,
      say: (line) => void said.push(line),
    });
    expect(verdict.violations, said.join("\n")).toEqual([]);
  },
  300_000,
);
