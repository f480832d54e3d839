import fc from "fast-check";
import { expect, test } from "vitest";
import { highest } from "../src/members.ts";

/** Who is asked about a key (ADR 0025). */
const members = fc.uniqueArray(
  fc.stringMatching(/^[0-9a-f]{8}$/).map((id) => `state-store-${id}`),
  { minLength: 2, maxLength: 6 },
);
const keys = Array.from({ length: 1_000 }, (_, n) => `jet${String(n)}`);

test("the order in which members are known does not matter", () => {
  fc.assert(
    fc.property(members, fc.string(), (all, key) => {
      expect(highest(all.toReversed(), key)).toBe(highest(all, key));
    }),
  );
});

test("each gets its share of the keys, half of an even one at least", () => {
  fc.assert(
    fc.property(members, (all) => {
      const shares = new Map<string, number>();
      for (const key of keys) {
        const owner = highest(all, key) ?? "";
        shares.set(owner, (shares.get(owner) ?? 0) + 1);
      }
      for (const member of all) expect(shares.get(member) ?? 0).toBeGreaterThan(keys.length / all.length / 2);
    }),
  );
});

test("who goes leaves its own keys alone to the others", () => {
  fc.assert(
    fc.property(members, (all) => {
      const gone = all[0];
      const left = all.slice(1);
      for (const key of keys) {
        const before = highest(all, key);
        if (before !== gone) expect(highest(left, key)).toBe(before);
      }
    }),
  );
});

test("nobody is asked where there is nobody", () => {
  expect(highest([], "jet1")).toBeUndefined();
});
