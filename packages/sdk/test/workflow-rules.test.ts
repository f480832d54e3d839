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
  success,
  type TestKit,
  type WorkflowContext,
} from "../src/index.ts";

const MINUTE = 60_000;
const work = defineAction({
  kind: "work",
  argument: z.object({ waitMs: z.number().default(0), fail: z.boolean().default(false) }),
  result: z.string(),
  main: ({ argument: { waitMs, fail } }) =>
    fail ? failure("work_failed", "it failed") : waitMs === 0 ? success("done") : inProgress(waitMs),
  watcher: () => success("done"),
});

type Flow = WorkflowContext<{ n?: number | undefined; to?: string | undefined }>;
/** A workflow of this code, and a kit that knows it. */
function flowOf(
  run: (flow: Flow) => Promise<unknown>,
  more: { readonly repeat?: object; readonly kinds?: readonly DefinedAction[] } = {},
): { readonly kit: TestKit; readonly flow: DefinedAction<typeof Argument> } {
  const { kinds = [], ...rest } = more;
  const flow = defineWorkflow({ kind: "flow", argument: Argument, result: z.unknown(), run, ...rest });
  return { kit: createTestKit({ kinds: [work, flow, ...kinds] }), flow };
}
const Argument = z.object({ n: z.number().optional(), to: z.string().optional() });
const codeOf = (thrown: unknown): string => (thrown instanceof StepError ? thrown.code : String(thrown));
const mains = (kit: TestKit, of = "work"): number =>
  kit.calls.filter(({ kind, method }) => kind === of && method === "main").length;

describe("a step of a workflow", () => {
  it("that is a function fails with the code of what it threw, where that has one", async () => {
    const { kit, flow } = flowOf(async (flow) => [
      await flow
        .do("full", () => {
          throw Object.assign(new Error("no room"), { code: "no_room" });
        })
        .catch(codeOf),
      await flow.do("plain", () => Promise.reject(new Error("no"))).catch(codeOf),
    ]);
    expect(await kit.run(flow, {})).toMatchObject({ result: ["no_room", "step_threw"] });
  });

  it("gives what fits the schema that the code has of it, else it fails", async () => {
    const other = defineAction({
      ...{ kind: "work", argument: z.object({}), result: z.number() },
      main: () => success(1),
    });
    const { kit, flow } = flowOf(async (flow) => flow.do("typed", other, {}).catch(codeOf));
    expect(await kit.run(flow, {})).toMatchObject({ result: "invalid_result" });
  });

  it("has the delays and repeats that it is given, before those of its kind", async () => {
    const { kit, flow } = flowOf(async (flow) =>
      flow
        .do(
          "work",
          work,
          { fail: true },
          { repeat: { error: 2, success: 0, backoff: 1_000 }, delays: { main: 7_000 } },
        )
        .catch(codeOf),
    );
    const { steps = [] } = await kit.run(flow, {});
    expect(mains(kit)).toBe(3);
    expect(kit.get(steps[0]?.child ?? "")).toMatchObject({ attempt: 3, delays: { mainMs: 7_000 } });
  });

  it("that is begun last and waited for by nobody is not begun, unless it is detached", async () => {
    for (const detached of [false, true]) {
      const { kit, flow } = flowOf(async (flow) => {
        await flow.do("first", work, {});
        void flow.do("last", work, {}, { detached });
        return "over";
      });
      const { result, steps = [] } = await kit.run(flow, {});
      await kit.advance("1m");
      expect(result).toBe("over");
      expect(steps.map(({ ref }) => ref)).toEqual(detached ? ["first", "last"] : ["first"]);
      expect(mains(kit)).toBe(detached ? 2 : 1);
    }
  });

  it("that has ended is not canceled any more", async () => {
    const { kit, flow } = flowOf(async (flow) => {
      const step = flow.do("work", work, {});
      const result = await step;
      step.cancel();
      await flow.sleep("rest", "1m");
      return result;
    });
    const { result, steps = [] } = await kit.run(flow, {});
    expect(result).toBe("done");
    expect(steps[0]).not.toHaveProperty("cancel");
  });
});

describe("code that is not what it was", () => {
  const changed = (
    first: (flow: Flow) => Promise<unknown>,
    then: (flow: Flow) => Promise<unknown>,
  ): unknown => {
    let passes = 0;
    const { kit, flow } = flowOf((flow) => ((passes += 1) === 1 ? first(flow) : then(flow)));
    return kit.run(flow, {}).then(({ error }) => error);
  };
  const slow = (flow: Flow): Promise<unknown> => flow.do("slow", work, { waitMs: 2 * MINUTE });
  const quick = (flow: Flow): Promise<unknown> => flow.do("quick", work, { waitMs: MINUTE });

  it("is found out where it begins less than before", async () => {
    const error = await changed(
      (flow) => Promise.all([slow(flow), quick(flow)]),
      (flow) => slow(flow),
    );
    expect(error).toMatchObject({
      code: "non_deterministic",
      message: "step 2, action 'quick' of 'work', had been begun by now and is not",
    });
    const waiting = await changed(
      (flow) => Promise.all([quick(flow), slow(flow)]),
      (flow) => quick(flow),
    );
    expect(waiting).toMatchObject({
      code: "non_deterministic",
      message: "step 2, action 'slow' of 'work', had been begun before and is not any more",
    });
  });

  it("is found out where it begins later what has an end already", async () => {
    const error = await changed(
      (flow) => Promise.all([slow(flow), quick(flow)]),
      async (flow) => [await slow(flow), await quick(flow)],
    );
    expect(error).toMatchObject({
      message: "step 2, action 'quick' of 'work', had been begun by now and is not",
    });
  });

  it("is found out where a step is of another kind, or a name is used once more", async () => {
    const error = await changed(
      (flow) => flow.do("quick", work, { waitMs: MINUTE }),
      (flow) => flow.do("quick", "other"),
    );
    expect(error).toMatchObject({
      message: "step 1 was action 'quick' of 'work' and is now action 'quick' of 'other'",
    });
    const again = await changed(
      (flow) => Promise.all([flow.sleep("one", 1), flow.sleep("one", 1)]),
      (flow) => Promise.all([flow.sleep("one", 1), flow.sleep("two", 1)]),
    );
    expect(again).toMatchObject({ message: "step 2 was sleep 'one', use 2 and is now sleep 'two'" });
  });
});

describe("the time of a workflow", () => {
  it("is that of what it was given last, the same each time that it comes there", async () => {
    const seen: number[][] = [];
    const { kit, flow } = flowOf(async (flow) => {
      const times = [flow.now()];
      seen.push(times);
      await flow.sleep("first", "1m");
      times.push(flow.now());
      await flow.do("work", work, { waitMs: 5_000 });
      times.push(flow.now());
      await flow.sleep("second", "1m");
      times.push(flow.now());
      return null;
    });
    await kit.run(flow, {});
    expect(seen.at(-1)).toEqual([0, MINUTE, MINUTE + 5_000, 2 * MINUTE + 5_000]);
    for (const times of seen) expect(times).toEqual(seen.at(-1)?.slice(0, times.length));
  });

  it("has no end: neither a pass nor a wait has a delay", () => {
    const { kit, flow } = flowOf(() => Promise.resolve(null));
    expect(kit.get(kit.create(flow, {})).delays).toMatchObject({ mainMs: 0, progressMs: 0 });
  });
});

describe("a workflow that runs again", () => {
  it("has new steps in each attempt", async () => {
    const { kit, flow } = flowOf(
      async (flow) => {
        await flow.do("work", work, {});
        if (flow.attempt === 1) throw new Error("once more");
        return flow.attempt;
      },
      { repeat: { error: 1, backoff: "1m" } },
    );
    expect(await kit.run(flow, {})).toMatchObject({ outcome: "SUCCESS", result: 2, attempt: 2 });
    expect(mains(kit)).toBe(2);
    expect(new Set(kit.calls.flatMap(({ kind, id }) => (kind === "work" ? [id] : []))).size).toBe(2);
  });

  it("sends its signals again", async () => {
    const hears = defineWorkflow({
      ...{ kind: "hears", argument: z.object({}), result: z.array(z.unknown()) },
      run: async (flow) => [await flow.waitForSignal("word"), await flow.waitForSignal("word")],
    });
    const { kit, flow } = flowOf(
      async (flow) => {
        await flow.signal("say", flow.argument.to ?? "", "word", flow.attempt);
        if (flow.attempt === 1) throw new Error("once more");
        return null;
      },
      { repeat: { error: 1, backoff: "1m" }, kinds: [hears] },
    );
    const to = kit.create(hears, {});
    await kit.run(flow, { to });
    expect(await kit.untilEnded(to)).toMatchObject({ result: [1, 2] });
  });
});

describe("signals of a workflow", () => {
  const hears = defineWorkflow({
    ...{ kind: "hears", argument: z.object({ times: z.number() }), result: z.array(z.unknown()) },
    run: async ({ argument: { times }, ...flow }) => {
      const heard: unknown[] = [];
      for (let n = 0; n < times; n += 1)
        heard.push(await flow.waitForSignal("word", { timeout: "1h" }).catch(codeOf));
      return heard;
    },
  });

  it("are each one of its own, also in a loop that uses one name", async () => {
    const { kit, flow } = flowOf(
      async (flow) => {
        for (let n = 0; n < 3; n += 1) await flow.signal("say", flow.argument.to ?? "", "word", n);
        return null;
      },
      { kinds: [hears] },
    );
    const to = kit.create(hears, { times: 3 });
    await kit.run(flow, { to });
    expect(await kit.untilEnded(to)).toMatchObject({ result: [0, 1, 2] });
  });

  it("are given to one wait each, in the order in which they came", async () => {
    const kit = createTestKit({ kinds: [hears] });
    const to = kit.create(hears, { times: 3 });
    await kit.signal(to, "other", "not this one");
    await kit.signal(to, "word", "first");
    await kit.signal(to, "word", "second");
    expect(await kit.untilEnded(to)).toMatchObject({ result: ["first", "second", "signal_timeout"] });
  });

  it("to what is not there are an error of the step", async () => {
    const { kit, flow } = flowOf(async (flow) =>
      flow.signal("say", "0123456789abcdef0123456789", "word").catch(codeOf),
    );
    expect(await kit.run(flow, {})).toMatchObject({ result: "unknown_run" });
  });
});
