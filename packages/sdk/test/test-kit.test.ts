import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import {
  createTestKit,
  type DefinedAction,
  defineAction,
  defineWorkflow,
  failure,
  inProgress,
  StepError,
  sleeping,
  success,
} from "../src/index.ts";

const DAY = 86_400_000;

const add = defineAction({
  kind: "add",
  argument: z.object({ a: z.number(), b: z.number(), waitMs: z.number().default(0) }),
  result: z.number(),
  main: ({ argument: { a, b, waitMs } }) => (waitMs === 0 ? success(a + b) : inProgress(waitMs)),
  watcher: ({ argument: { a, b } }) => success(a + b),
});
const shaky = defineAction({
  kind: "shaky",
  argument: z.object({ times: z.number() }),
  result: z.number(),
  repeat: { error: 5, backoff: "1m" },
  main: ({ attempt, argument: { times } }) =>
    attempt > times ? success(attempt) : failure("not_yet", "not this time"),
});
const sum = defineWorkflow({
  kind: "sum",
  argument: z.object({ numbers: z.array(z.number()), waitMs: z.number().default(0) }),
  result: z.number(),
  run: async ({ argument: { numbers, waitMs }, ...flow }) => {
    let all = 0;
    for (const b of numbers) all = await flow.do("add", add, { a: all, b, waitMs });
    await flow.sleep("rest", "30s");
    const [left, right] = await Promise.all([
      flow.do("left", add, { a: all, b: 0, waitMs }),
      flow.do("right", add, { a: 0, b: 0, waitMs }),
    ]);
    return left + right;
  },
});

describe("a kind in a unit test", () => {
  it("runs to its end, and the clock goes where its watcher is due", async () => {
    const kit = createTestKit({ kinds: [add] });
    const ended = await kit.run(add, { a: 1, b: 2, waitMs: 300_000 });
    expect(ended).toMatchObject({ state: "CLOSED", outcome: "SUCCESS", result: 3 });
    expect(kit.now()).toBe(300_000);
    expect(kit.calls.map(({ method, at }) => [method, at])).toEqual([
      ["main", 0],
      ["watcher", 300_000],
    ]);
  });

  it("repeats at its own times", async () => {
    const kit = createTestKit({ kinds: [shaky] });
    expect(await kit.run(shaky, { times: 2 })).toMatchObject({ result: 3, attempt: 3 });
    expect(kit.calls.map(({ at }) => at)).toEqual([0, 60_000, 120_000]);
  });

  it("W5 repeats less and less often where it says so, and not together with others", async () => {
    const patient = defineAction({
      kind: "patient",
      argument: z.object({}),
      result: z.null(),
      repeat: { error: 4, backoff: "1s", factor: 10, max: "5s", jitter: true },
      main: () => failure("never", "never"),
    });
    const waitsOf = async (): Promise<number[]> => {
      const kit = createTestKit({ kinds: [patient] });
      for (let n = 0; n < 3; n += 1) kit.create(patient, {});
      await kit.advance("1h");
      const last = kit.calls.map(({ id }) => id).at(-1);
      const at = kit.calls.filter(({ id }) => id === last).map((call) => call.at);
      return at.slice(1).map((one, n) => one - (at[n] ?? 0));
    };
    const waits = await waitsOf();
    expect(waits).toEqual(await waitsOf());
    const most = [1_000, 5_000, 5_000, 5_000];
    for (const [n, wait] of waits.entries()) {
      expect(wait).toBeLessThanOrEqual(most[n] ?? 0);
      expect(wait).toBeGreaterThanOrEqual((most[n] ?? 0) / 2);
    }
    expect(new Set(waits).size).toBe(4);
  });

  it("W5 repeats no longer than its deadline", async () => {
    const brief = defineAction({
      ...{ kind: "brief", argument: z.object({}), result: z.null() },
      repeat: { error: 1_000, backoff: "1m" },
      delays: { deadline: "150s" },
      main: () => failure("never", "never"),
    });
    const kit = createTestKit({ kinds: [brief] });
    expect(await kit.run(brief, {})).toMatchObject({ error: { code: "deadline_exceeded" } });
    expect(kit.calls.map(({ at }) => at)).toEqual([0, 60_000, 120_000]);
  });

  it("W16 that has no result has none, and null is null", async () => {
    const none = defineAction({
      ...{ kind: "none", argument: z.object({}), result: z.undefined() },
      main: () => success(undefined),
    });
    const nothing = defineAction({
      ...{ kind: "nothing", argument: z.object({}), result: z.null() },
      main: () => success(null),
    });
    const kit = createTestKit({ kinds: [none, nothing] });
    expect(await kit.run(none, {})).not.toHaveProperty("result");
    expect(await kit.run(nothing, {})).toMatchObject({ outcome: "SUCCESS", result: null });
  });

  it("W18 whose runner is lost each time ends after seven", async () => {
    for (const losing of ["main", "watcher"]) {
      const again = defineAction({
        ...{ kind: "again", argument: z.object({}), result: z.null() },
        main: () => inProgress(),
        watcher: () => sleeping(),
      });
      const kit = createTestKit({ kinds: [again], losesRunner: ({ method }) => method === losing });
      expect(await kit.run(again, {})).toMatchObject({ outcome: "ERROR", error: { code: "poison" } });
      expect(kit.calls.filter(({ method }) => method === losing)).toHaveLength(7);
    }
  });

  it("is not begun before its time, is paused and canceled as it would be", async () => {
    const kit = createTestKit({ kinds: [add], now: new Date("2026-03-01T00:00:00Z") });
    const id = kit.create(add, { a: 1, b: 1 }, { notBefore: "2026-03-01T12:00:00.000Z" });
    await kit.advance("11h");
    expect(kit.get(id).state).toBe("SLEEPING");
    await kit.pause(id);
    await kit.advance("2h");
    expect(kit.calls).toEqual([]);
    await kit.resume(id);
    await kit.cancel(id);
    expect(await kit.untilEnded(id)).toMatchObject({ outcome: "ERROR", error: { code: "canceled" } });
  });

  it("whose runner is lost in main has its watcher asked", async () => {
    const kit = createTestKit({ kinds: [add], losesRunner: ({ method }) => method === "main" });
    expect(await kit.run(add, { a: 2, b: 2 })).toMatchObject({ outcome: "SUCCESS", result: 4 });
    expect(kit.calls.map(({ method }) => method)).toEqual(["main", "watcher"]);
  });
});

describe("a workflow in a unit test", () => {
  it("comes to the same result whichever method's runner is lost, and calls no main twice", async () => {
    const kinds: readonly DefinedAction[] = [add, sum];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: -9, max: 9 }), { maxLength: 5 }),
        fc.constantFrom(0, 1_000),
        fc.uniqueArray(fc.nat(30), { maxLength: 6 }),
        async (numbers, waitMs, lost) => {
          let called = 0;
          const kit = createTestKit({ kinds, losesRunner: () => lost.includes(called++) });
          const ended = await kit.run(sum, { numbers, waitMs });
          expect(ended).toMatchObject({
            outcome: "SUCCESS",
            result: numbers.reduce((all, one) => all + one, 0),
          });
          const mains = kit.calls.filter(({ kind, method }) => kind === "add" && method === "main");
          expect(mains).toHaveLength(numbers.length + 2);
          expect(new Set(mains.map(({ id }) => id)).size).toBe(mains.length);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("gives a race the same winner each time it is gone through", async () => {
    const race = defineWorkflow({
      kind: "race",
      argument: z.object({ delays: z.array(z.number()) }),
      result: z.array(z.number()),
      run: async ({ argument: { delays }, ...flow }) => {
        const place = async (n: number): Promise<number> => {
          await flow.do("runner", add, { a: n, b: 0, waitMs: delays[n] ?? 0 });
          return n;
        };
        const runners = delays.map((_, n) => place(n));
        const first = await Promise.race(runners);
        await flow.sleep("cheer", "1s");
        await Promise.all(runners);
        return [first, await Promise.race(runners)];
      },
    });
    await fc.assert(
      fc.asyncProperty(
        fc.uniqueArray(fc.integer({ min: 1, max: 5_000 }), { minLength: 1, maxLength: 6 }),
        async (delays) => {
          const kit = createTestKit({ kinds: [add, race] });
          const { result } = await kit.run(race, { delays });
          expect((result as number[])[0]).toBe(delays.indexOf(Math.min(...delays)));
        },
      ),
      { numRuns: 40 },
    );
  });

  it("that waits for somebody says so, and goes on by a signal", async () => {
    const asks = defineWorkflow({
      kind: "asks",
      argument: z.object({}),
      result: z.unknown(),
      run: async (flow) => {
        flow.log("asking");
        return flow.waitForSignal("answer", { timeout: "7d" }).catch((thrown: unknown) => {
          if (!(thrown instanceof StepError)) throw thrown;
          return thrown.code;
        });
      },
    });
    const kit = createTestKit({ kinds: [asks] });
    const id = kit.create(asks, {});
    await kit.advance("1m");
    expect(kit.get(id).state).toBe("IN_PROGRESS");
    await kit.signal(id, "answer", { yes: true });
    expect(await kit.untilEnded(id)).toMatchObject({ result: { yes: true } });
    expect(kit.log(id)).toEqual(["asking"]);
    expect(await kit.run(asks, {})).toMatchObject({ result: "signal_timeout" });
    expect(kit.now()).toBeGreaterThanOrEqual(7 * DAY);
    const ever = defineWorkflow({
      kind: "ever",
      argument: z.object({}),
      result: z.unknown(),
      run: (flow) => flow.waitForSignal("answer"),
    });
    await expect(createTestKit({ kinds: [ever] }).run(ever, {})).rejects.toThrow(/waits for signal 'answer'/);
  });

  it("whose code takes another way the second time ends in non_deterministic", async () => {
    let passes = 0;
    const fickle = defineWorkflow({
      kind: "fickle",
      argument: z.object({}),
      result: z.null(),
      run: async (flow) => {
        passes += 1;
        await flow.sleep(passes === 1 ? "first" : "second", "1m");
        return null;
      },
    });
    expect(await createTestKit({ kinds: [fickle] }).run(fickle, {})).toMatchObject({
      error: { code: "non_deterministic", message: "step 1 was sleep 'first' and is now sleep 'second'" },
    });
  });

  it("that waits for something else later on, or gives what is no result, ends at once", async () => {
    const astray = defineWorkflow({
      kind: "astray",
      argument: z.object({}),
      result: z.null(),
      run: async (flow) => {
        await flow.sleep("first", "1m");
        await new Promise(() => undefined);
        return null;
      },
    });
    expect(await createTestKit({ kinds: [astray] }).run(astray, {})).toMatchObject({
      error: {
        code: "non_deterministic",
        message: "the workflow waits for something that is none of its steps",
      },
      watcherFailures: 0,
    });
    const wrong = defineWorkflow({
      kind: "wrong",
      argument: z.object({}),
      result: z.number(),
      run: async (flow) => {
        await flow.sleep("first", "1m");
        return "no number" as unknown as number;
      },
    });
    expect(await createTestKit({ kinds: [wrong] }).run(wrong, {})).toMatchObject({
      error: { code: "invalid_result" },
      watcherFailures: 0,
    });
  });

  it("W16 gives its code what a step gave, the first time as any other: nothing for nothing, null for null", async () => {
    const seen: unknown[][] = [];
    const looks = defineWorkflow({
      kind: "looks",
      argument: z.object({}),
      result: z.null(),
      run: async (flow) => {
        const nothing = await flow.do("nothing", (): unknown => undefined);
        const empty = await flow.do("empty", () => null);
        const made = await flow.do("made", () => ({ at: new Date(0), left: undefined }));
        seen.push([nothing, empty, made]);
        await flow.sleep("first", "1m");
        await flow.sleep("second", "1m");
        return null;
      },
    });
    await createTestKit({ kinds: [looks] }).run(looks, {});
    expect(seen.length).toBeGreaterThan(1);
    for (const one of seen) expect(one).toStrictEqual([undefined, null, { at: "1970-01-01T00:00:00.000Z" }]);
  });

  it("W18 whose code takes its runner with it ends after seven, and what it began ends with it", async () => {
    let passes = 0;
    const deadly = defineWorkflow({
      kind: "deadly",
      argument: z.object({}),
      result: z.null(),
      run: async (flow) => {
        passes += 1;
        void flow.do("left", add, { a: 1, b: 1, waitMs: DAY });
        await flow.do("quick", add, { a: 1, b: 1 });
        return null;
      },
    });
    const kit = createTestKit({ kinds: [add, deadly], losesRunner: ({ kind }) => kind === "deadly" });
    const { error, steps = [] } = await kit.run(deadly, {});
    expect(error).toMatchObject({ code: "poison" });
    expect(passes).toBe(7);
    expect(kit.get(steps[0]?.child ?? "")).toMatchObject({ error: { code: "canceled" } });
  });

  it("that has fewer steps than before is found out as well", async () => {
    let passes = 0;
    const shorter = defineWorkflow({
      kind: "shorter",
      argument: z.object({}),
      result: z.null(),
      run: async (flow) => {
        passes += 1;
        if (passes === 1) void flow.sleep("one", "1m");
        await flow.waitForSignal("never", { timeout: "1h" }).catch(() => undefined);
        return null;
      },
    });
    expect(await createTestKit({ kinds: [shorter] }).run(shorter, {})).toMatchObject({
      error: { code: "non_deterministic" },
    });
  });

  it("is rolled back in reverse", async () => {
    const undone: number[] = [];
    const put = defineAction({
      kind: "put",
      argument: z.object({ n: z.number() }),
      result: z.null(),
      main: () => success(null),
      rollback: ({ argument: { n } }) => void undone.push(n),
    });
    const puts = defineWorkflow({
      kind: "puts",
      argument: z.object({}),
      result: z.null(),
      rollback: true,
      run: async (flow) => {
        for (const n of [1, 2, 3]) await flow.do("put", put, { n });
        return null;
      },
    });
    const kit = createTestKit({ kinds: [put, puts] });
    const { id } = await kit.run(puts, {});
    expect(await kit.rollBack(id)).toMatchObject({ state: "REVERTED" });
    expect(undone).toEqual([3, 2, 1]);
  });
});
