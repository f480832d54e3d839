import { LANES, type Lane } from "@jetmesh/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { FIRST_TURN, nextTurn, orderOf } from "../src/lane-order.ts";

/** Takes one a turn, of the first lane that has something, as a runner of one place does. */
function takes(count: number, waits: (lane: Lane) => boolean): Lane[] {
  const taken: Lane[] = [];
  let turns = FIRST_TURN;
  for (let n = 0; n < count; n += 1) {
    const lane = orderOf(turns).find(waits);
    if (lane !== undefined) taken.push(lane);
    turns = nextTurn(turns, new Set(lane === undefined ? [] : [lane]));
  }
  return taken;
}
const count = (taken: readonly Lane[], of: Lane): number => taken.filter((lane) => lane === of).length;

test("every turn looks into each lane once", () => {
  fc.assert(
    fc.property(fc.nat(100), fc.nat(100), fc.nat(100), fc.nat(1_000), (high, normal, low, turn) => {
      expect(orderOf({ turn, taken: { high, normal, low } }).toSorted()).toEqual([...LANES].toSorted());
    }),
  );
});

test("higher lanes go first, and of eight turns one goes to the lower ones, by turns where both have something", () => {
  const taken = takes(160, () => true);
  expect(taken.slice(0, 8)).toEqual([...Array.from({ length: 7 }, () => "high"), "normal"]);
  expect(["high", "normal", "low"].map((lane) => count(taken, lane as Lane))).toEqual([140, 10, 10]);
});

test("the low lane gets one of eight beside a normal one that always has something", () => {
  const taken = takes(80, (lane) => lane !== "high");
  expect([count(taken, "normal"), count(taken, "low")]).toEqual([70, 10]);
});

test("what is alone is taken each time, and a turn without anything is none", () => {
  for (const lane of LANES) expect(takes(20, (one) => one === lane)).toHaveLength(20);
  expect(nextTurn(FIRST_TURN, new Set())).toEqual(FIRST_TURN);
});
