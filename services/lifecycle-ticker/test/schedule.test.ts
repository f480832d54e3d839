import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSchedule, SLOT_MS } from "../src/schedule.ts";

const T = 1_000_000;

describe("a schedule", () => {
  it("gives nothing before it is due, and everything once it is late by a slot", () => {
    const schedule = createSchedule();
    schedule.set("a", T + 1);
    expect(schedule.take(T, 10)).toEqual([]);
    expect(schedule.take(T + 1 + SLOT_MS, 10)).toEqual(["a"]);
  });

  it("gives what is due on the very instant of a slot", () => {
    const schedule = createSchedule();
    schedule.set("a", T);
    expect(schedule.take(T, 10)).toEqual(["a"]);
  });

  it("gives what is due earlier first, however it was put in", () => {
    const schedule = createSchedule();
    for (const seconds of [30, 10, 20]) schedule.set(`at ${String(seconds)}`, T + seconds * 1_000);
    expect(schedule.take(T + 60_000, 10)).toEqual(["at 10", "at 20", "at 30"]);
  });

  it("gives each once: what was taken is forgotten", () => {
    const schedule = createSchedule();
    schedule.set("a", T);
    expect(schedule.take(T, 10)).toEqual(["a"]);
    expect(schedule.take(T + 60_000, 10)).toEqual([]);
    expect(schedule.size).toBe(0);
  });

  it("moves an action that is put in again, later as well as earlier", () => {
    const schedule = createSchedule();
    schedule.set("later", T);
    schedule.set("later", T + 10_000);
    schedule.set("earlier", T + 10_000);
    schedule.set("earlier", T);
    expect(schedule.size).toBe(2);
    expect(schedule.take(T, 10)).toEqual(["earlier"]);
    expect(schedule.take(T + 10_000, 10)).toEqual(["later"]);
  });

  it("forgets what is deleted, and does not mind what is not there", () => {
    const schedule = createSchedule();
    schedule.set("a", T);
    schedule.delete("a");
    schedule.delete("a");
    schedule.delete("never seen");
    expect(schedule.take(T + 60_000, 10)).toEqual([]);
    expect(schedule.size).toBe(0);
  });

  it("gives no more than asked for, and the rest with the next calls, still the earliest first", () => {
    const schedule = createSchedule();
    for (let n = 0; n < 7; n += 1) schedule.set(`a${String(n)}`, T + n * 1_000);
    const later = T + 60_000;
    expect(schedule.take(later, 3)).toEqual(["a0", "a1", "a2"]);
    expect(schedule.take(later, 3)).toEqual(["a3", "a4", "a5"]);
    expect(schedule.take(later, 3)).toEqual(["a6"]);
    expect(schedule.take(later, 3)).toEqual([]);
  });

  it("does not lose what shares a slot with the last that was taken", () => {
    const schedule = createSchedule();
    for (const id of ["a", "b", "c"]) schedule.set(id, T);
    expect([...schedule.take(T, 2), ...schedule.take(T, 2)].sort()).toEqual(["a", "b", "c"]);
  });
});

type Step =
  | { readonly type: "set"; readonly id: string; readonly inMs: number }
  | { readonly type: "delete"; readonly id: string }
  | { readonly type: "take"; readonly afterMs: number; readonly most: number };

const id = fc.constantFrom("a", "b", "c", "d", "e");
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant("set"), id, inMs: fc.integer({ min: -1_000, max: 3_000 }) }),
  fc.record({ type: fc.constant("delete"), id }),
  fc.record({
    type: fc.constant("take"),
    afterMs: fc.integer({ min: 0, max: 1_500 }),
    most: fc.integer({ min: 0, max: 4 }),
  }),
);

describe("whatever is put in, moved, deleted and taken", () => {
  it("nothing is given early or twice, and nothing that is due is kept back", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const schedule = createSchedule();
        const planned = new Map<string, number>();
        let now = T;
        for (const one of steps) {
          if (one.type === "set") {
            schedule.set(one.id, now + one.inMs);
            planned.set(one.id, now + one.inMs);
          } else if (one.type === "delete") {
            schedule.delete(one.id);
            planned.delete(one.id);
          } else {
            now += one.afterMs;
            const taken = schedule.take(now, one.most);
            expect(taken.length).toBeLessThanOrEqual(one.most);
            for (const each of taken) {
              expect(planned.get(each), `${each} was taken, and is not planned`).toBeDefined();
              expect(planned.get(each), `${each} was taken early`).toBeLessThanOrEqual(now);
              planned.delete(each);
            }
            const keptBack = [...planned].filter(([, at]) => at + SLOT_MS <= now);
            if (taken.length < one.most) expect(keptBack).toEqual([]);
          }
          expect(schedule.size).toBe(planned.size);
        }
      }),
      { numRuns: 500 },
    );
  });
});
