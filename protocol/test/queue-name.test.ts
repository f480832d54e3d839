import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createNames,
  isMoreThanPool,
  MAX_LABELS,
  parseQueue,
  poolConsumerOf,
  queueInWords,
  queueOf,
  Reference,
} from "../src/index.ts";

const names = createNames();
const pool = fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,62}$/);
const label = fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,31}$/);
const lane = fc.constantFrom("high", "low", undefined);
const labels = fc.uniqueArray(label, { maxLength: MAX_LABELS });

describe("the name of a queue", () => {
  it("is the pool's own where there are no labels and no lane", () => {
    fc.assert(
      fc.property(pool, (one) => {
        expect(queueOf({ pool: one })).toBe(one);
        expect(queueOf({ pool: one, labels: [] })).toBe(one);
        expect(isMoreThanPool(one)).toBe(false);
      }),
    );
  });

  it("says again what it was built of, each label once and in order", () => {
    fc.assert(
      fc.property(pool, labels, lane, (one, needed, of) => {
        const queue = queueOf({ pool: one, labels: [...needed, ...needed], lane: of });
        expect(parseQueue(queue)).toEqual({
          ...{ pool: one, labels: needed.toSorted(), lane: of ?? "normal" },
        });
        expect(isMoreThanPool(queue)).toBe(needed.length > 0 || of !== undefined);
      }),
    );
  });

  it("is the same for the same labels in any order, and another for others", () => {
    fc.assert(
      fc.property(pool, labels, labels, (one, some, others) => {
        const isSame = some.toSorted().join() === others.toSorted().join();
        expect(queueOf({ pool: one, labels: some }) === queueOf({ pool: one, labels: others })).toBe(isSame);
        expect(queueOf({ pool: one, labels: some.toReversed() })).toBe(queueOf({ pool: one, labels: some }));
      }),
    );
  });

  it("is one token of a subject, no reference where it has labels or a lane, and the broker takes its consumer's name", () => {
    fc.assert(
      fc.property(pool, labels, lane, (one, needed, of) => {
        const queue = queueOf({ pool: one, labels: needed, lane: of });
        expect(names.resume.of(queue, "0123456789abcdef").split(".")).toHaveLength(4);
        expect(Reference.safeParse(queue).success).toBe(needed.length === 0 && of === undefined);
        const { name } = poolConsumerOf(names, queue);
        expect(name.length).toBeLessThanOrEqual(255);
        expect(names.queueOfConsumer(name)).toBe(queue);
      }),
    );
  });

  it.each([
    "",
    "+",
    "a+",
    "+a",
    "a++b",
    "a=normal",
    "a=high=low",
    "=high",
    "a=high+b",
    "a=",
    "A",
    "a+B",
    "a.b",
    `a+${"b".repeat(33)}`,
  ])("is never %j", (text) => {
    expect(parseQueue(text)).toBeUndefined();
  });

  it("is said in words", () => {
    expect(queueInWords({ pool: "big" })).toBe("pool 'big'");
    expect(queueInWords({ pool: "big", labels: ["gpu"] })).toBe("pool 'big' with label 'gpu'");
    expect(queueInWords({ pool: "big", labels: ["eu", "gpu"] })).toBe("pool 'big' with labels 'eu', 'gpu'");
  });
});
