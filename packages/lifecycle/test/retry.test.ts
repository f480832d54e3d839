import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Backoff, backoffMs } from "../src/index.ts";

const policy: Backoff = { backoff: 1_000, factor: 2, max: 60_000, jitter: false };

describe("the wait before the next try", () => {
  it("doubles from the first on and stops at its maximum", () => {
    expect([1, 2, 3, 6, 7, 8].map((attempt) => backoffMs(policy, attempt, 0))).toEqual([
      1_000, 2_000, 4_000, 32_000, 60_000, 60_000,
    ]);
  });

  it("stays the same with a factor of 1", () => {
    expect([1, 2, 9].map((attempt) => backoffMs({ ...policy, factor: 1 }, attempt, 0))).toEqual([
      1_000, 1_000, 1_000,
    ]);
  });

  it("with jitter lies between half and the whole of it", () => {
    const jittered = { ...policy, jitter: true };
    expect([0, 0.5, 0.999999].map((random) => backoffMs(jittered, 1, random))).toEqual([500, 750, 1_000]);
  });

  it("without jitter does not depend on chance", () => {
    expect(backoffMs(policy, 3, 0.9)).toBe(backoffMs(policy, 3, 0.1));
  });

  it("is none where the backoff is 0, after ten thousand tries as after one", () => {
    expect([1, 1_025, 10_000].map((attempt) => backoffMs({ ...policy, backoff: 0 }, attempt, 0))).toEqual([
      0, 0, 0,
    ]);
  });

  it("takes an attempt before the first as the first", () => {
    expect(backoffMs(policy, 0, 0)).toBe(1_000);
  });

  it("is a whole number between 0 and its maximum for every policy that a plan may have", () => {
    const anyPolicy = fc.record({
      backoff: fc.nat(86_400_000),
      factor: fc.double({ min: 1, max: 100, noNaN: true }),
      max: fc.nat(86_400_000),
      jitter: fc.boolean(),
    });
    const chance = fc.double({ min: 0, max: 0.999999, noNaN: true });
    fc.assert(
      fc.property(anyPolicy, fc.integer({ min: 1, max: 10_000 }), chance, (given, attempt, random) => {
        const wait = backoffMs(given, attempt, random);
        expect(Number.isInteger(wait)).toBe(true);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(given.max);
      }),
    );
  });
});
