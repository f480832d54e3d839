import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { createTestKit, defineAction, defineWorkflow, failure, success } from "../src/index.ts";

/** Workflows with more steps than their record holds, without a broker. */
const undone: number[] = [];
const number = defineAction({
  kind: "number",
  argument: z.object({ n: z.number(), fail: z.boolean().default(false) }),
  result: z.number(),
  main: ({ argument: { n, fail } }) => (fail ? failure("failed", "it failed") : success(n)),
  watcher: ({ argument: { n, fail } }) => (fail ? failure("failed", "it failed") : success(n)),
  rollback: ({ argument: { n } }) => void undone.push(n),
});
const Widths = z.object({ widths: z.array(z.number()), fails: z.array(z.number()).default([]) });

/** So many at a time; a race among them, something that is open all the time, sleeps, failures. */
const long = defineWorkflow({
  kind: "long",
  argument: Widths,
  result: z.array(z.number()),
  rollback: true,
  run: async ({ argument: { widths, fails }, ...flow }) => {
    const early = flow.waitForSignal("early", { timeout: "30d" });
    const way: number[] = [];
    let n = 0;
    for (const width of widths) {
      const racers = Array.from({ length: width }, (_, k) =>
        flow.do("number", number, { n: n + k, fail: fails.includes(n + k) }).catch(() => -1),
      );
      way.push(await Promise.race(racers), ...(await Promise.all(racers)));
      if (width % 7 === 0) await flow.sleep("nap", "1h");
      n += width;
    }
    await early.catch(() => way.push(-2));
    return way;
  },
});

const widths = fc.array(fc.integer({ min: 1, max: 80 }), { maxLength: 8, size: "max" });

describe("a workflow with more steps than its record holds", () => {
  it("comes to the same result whichever method's runner is lost, and calls no main twice", async () => {
    await fc.assert(
      fc.asyncProperty(
        widths,
        fc.uniqueArray(fc.nat(400), { maxLength: 5 }),
        fc.uniqueArray(fc.nat(600), { maxLength: 60 }),
        async (some, fails, lost) => {
          let called = 0;
          const kit = createTestKit({ kinds: [number, long], losesRunner: () => lost.includes(called++) });
          const ended = await kit.run(long, { widths: some, fails });
          const all = some.reduce((sum, width) => sum + width, 0);
          const sets = (ended.result as number[]).filter((n) => n >= 0);
          expect(ended.outcome).toBe("SUCCESS");
          expect(new Set(sets)).toEqual(
            new Set(Array.from({ length: all }, (_, n) => n).filter((n) => !fails.includes(n))),
          );
          const mains = kit.calls.filter(({ kind, method }) => kind === "number" && method === "main");
          expect(new Set(mains.map(({ id }) => id)).size).toBe(mains.length);
          const steps = kit.steps(ended.id);
          expect(steps.map(({ place }) => place)).toEqual(steps.map((_, place) => place));
          expect(steps.filter(({ what }) => what === "action")).toHaveLength(all);
          expect((ended.steps ?? []).length).toBeLessThan(64 + 2 * Math.max(1, ...some));
        },
      ),
      { numRuns: 25 },
    );
  }, 60_000);

  it("is rolled back in the reverse of the order in which its steps began", async () => {
    const kit = createTestKit({ kinds: [number, long] });
    const { id, older } = await kit.run(long, { widths: [70, 1, 70] });
    expect(older?.steps).toBe(128);
    undone.length = 0;
    expect(await kit.rollBack(id)).toMatchObject({ state: "REVERTED" });
    expect(undone).toEqual(Array.from({ length: 141 }, (_, n) => 140 - n));
  });

  it("has none of an attempt's steps in the next", async () => {
    const twice = defineWorkflow({
      kind: "twice",
      argument: z.object({}),
      result: z.number(),
      repeat: { error: 1, backoff: "1m" },
      run: async ({ attempt, ...flow }) => {
        let sum = 0;
        for (let n = 0; n < 150; n += 1) sum += await flow.do("call", () => attempt);
        if (attempt === 1) throw new Error("not the first time");
        return sum;
      },
    });
    const kit = createTestKit({ kinds: [twice] });
    const ended = await kit.run(twice, {});
    expect(ended).toMatchObject({
      result: 300,
      attempt: 2,
      older: { steps: 128, first: 2, next: 4, from: 2 },
    });
    expect(kit.steps(ended.id)).toHaveLength(150);
  });

  it("ends with a code where it has more than any may have", async () => {
    const endless = defineWorkflow({
      kind: "endless",
      argument: z.object({}),
      result: z.null(),
      run: async (flow) => {
        for (let n = 0; n <= 100_000; n += 1) void flow.waitForSignal("never");
        await flow.sleep("one more", 1);
        return null;
      },
    });
    expect(await createTestKit({ kinds: [endless] }).run(endless, {})).toMatchObject({
      outcome: "ERROR",
      error: { code: "too_many_steps" },
    });
  });
});
