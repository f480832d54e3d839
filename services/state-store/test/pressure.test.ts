import { expect, test } from "vitest";
import { type PoolState, waitingIn } from "../src/pressure.ts";

const pools = (states: Readonly<Record<string, readonly [pending: number, delivered: number]>>) =>
  new Map(
    Object.entries(states).map(([name, [pending, delivered]]): [string, PoolState] => [
      name,
      { pending, delivered },
    ]),
  );

test.each([
  ["nothing is there", {}, {}, 0],
  ["a pool takes some, and more wait", { a: [100, 50] }, { a: [120, 40] }, 100],
  ["a pool that took none since the last look holds up nobody", { a: [100, 50] }, { a: [90, 50] }, 0],
  [
    "a pool without a runner counts for nothing beside one that works",
    { a: [7, 9], b: [5_000, 0] },
    { a: [7, 8] },
    7,
  ],
  ["a pool that is new and was given some counts at once", { a: [300, 12] }, {}, 300],
  [
    "all that work are counted together",
    { a: [10, 2], b: [20, 2], c: [40, 2] },
    { a: [0, 1], b: [0, 1] },
    70,
  ],
] as const)("waiting for runners: %s", (_, now, before, expected) => {
  expect(waitingIn(pools(now), pools(before))).toBe(expected);
});
