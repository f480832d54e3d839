import { LANES } from "@jetmesh/protocol";
import fc from "fast-check";
import { expect, test } from "vitest";
import { createWaitingLine, type InLine, lastRankAt, rankOf } from "../src/waiting-line.ts";

const inLine = (id: string, sinceMs: number, lane: InLine["lane"] = "normal"): InLine => ({
  ...{ id, sinceMs, lane, keys: ["limit.few"] },
});
const orderOf = (all: readonly InLine[]): string[] => {
  const line = createWaitingLine();
  for (const one of all) line.set(one);
  return line.of("limit.few").map(({ id }) => id);
};

test("of one lane who has waited longest is first", () => {
  expect(orderOf([inLine("b", 20), inLine("a", 10), inLine("c", 30)])).toEqual(["a", "b", "c"]);
});

test("a higher lane goes first, unless a lower one has waited for a minute more", () => {
  expect(orderOf([inLine("low", 10, "low"), inLine("normal", 20), inLine("high", 30, "high")])).toEqual([
    ...["high", "normal", "low"],
  ]);
  expect(orderOf([inLine("normal", 0), inLine("high", 59_999, "high")])).toEqual(["high", "normal"]);
  expect(orderOf([inLine("normal", 0), inLine("high", 60_001, "high")])).toEqual(["normal", "high"]);
});

test("whatever comes and goes, it is in the order of ranks, and all that wait already come before the last rank", () => {
  const one = fc.record({
    ...{ id: fc.integer({ min: 0, max: 20 }), sinceMs: fc.nat(200_000) },
    ...{ lane: fc.constantFrom(...LANES), isThere: fc.boolean() },
  });
  fc.assert(
    fc.property(fc.array(one, { maxLength: 60 }), fc.nat(200_000), (steps, now) => {
      const line = createWaitingLine();
      const model = new Map<string, InLine>();
      for (const { id, sinceMs, lane, isThere } of steps) {
        const key = String(id);
        if (isThere) {
          const is = model.get(key);
          const next = inLine(key, sinceMs, is?.sinceMs === sinceMs ? is.lane : lane);
          model.set(key, next);
          line.set(next);
        } else {
          model.delete(key);
          line.delete(key);
        }
      }
      const expected = [...model.values()].toSorted(
        (a, b) => rankOf(a) - rankOf(b) || (a.id < b.id ? -1 : 1),
      );
      expect(line.of("limit.few")).toEqual(expected);
      for (const waiting of expected)
        if (waiting.sinceMs <= now) expect(rankOf(waiting)).toBeLessThanOrEqual(lastRankAt(now));
    }),
  );
});
