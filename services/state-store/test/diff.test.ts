import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { diffOf } from "../src/diff.ts";

describe("what differs between two definitions", () => {
  it("is told path by path, with what was and what is", () => {
    const before = { name: "Web", limit: 0, pool: "gpu", variables: { a: 1, b: { c: [1, 2] } } };
    const after = { name: "Web", limit: 3, onBusy: "queue", variables: { a: 1, b: { c: [1, 3] } } };
    expect(diffOf(before, after)).toEqual([
      { path: ["limit"], before: 0, after: 3 },
      { path: ["pool"], before: "gpu" },
      { path: ["variables", "b", "c"], before: [1, 2], after: [1, 3] },
      { path: ["onBusy"], after: "queue" },
    ]);
  });

  it("names what has a reference by it, so that one that is new or gone moves no other", () => {
    const [a, b, c] = ["a", "b", "c"].map((reference) => ({ reference, to: "x" }));
    expect(diffOf({ actions: [a, b] }, { actions: [c, a, { reference: "b", to: "y" }] })).toEqual([
      { path: ["actions", "b", "to"], before: "x", after: "y" },
      { path: ["actions", "c"], after: c },
    ]);
    expect(diffOf({ actions: [a, b] }, { actions: [b] })).toEqual([{ path: ["actions", "a"], before: a }]);
  });

  it("tells another order as the list of references", () => {
    const [a, b] = ["a", "b"].map((reference) => ({ reference }));
    expect(diffOf({ actions: [a, b] }, { actions: [b, a] })).toEqual([
      { path: ["actions"], before: ["a", "b"], after: ["b", "a"] },
    ]);
  });

  it("counts steps that have no reference", () => {
    const steps = [{ shell: "a" }, { shell: "b" }];
    expect(diffOf({ steps }, { steps: [{ shell: "a" }, { shell: "c" }, { wait: 1 }] })).toEqual([
      { path: ["steps", 1, "shell"], before: "b", after: "c" },
      { path: ["steps", 2], after: { wait: 1 } },
    ]);
  });

  it("is nothing where nothing does, and something where something does", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (one, other) => {
        expect(diffOf(one, structuredClone(one))).toEqual([]);
        const differ = JSON.stringify(one) !== JSON.stringify(other) && !isSame(one, other);
        expect(diffOf(one, other).length > 0).toBe(differ);
      }),
    );
  });
});

/** The order of keys does not count. */
function isSame(one: unknown, other: unknown): boolean {
  try {
    expect(one).toEqual(other);
    return true;
  } catch {
    return false;
  }
}
