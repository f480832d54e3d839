import { appendFileSync, existsSync, writeFileSync } from "node:fs";
import {
  defineAction,
  defineWorkflow,
  failure,
  inProgress,
  runRunner,
  StepError,
  success,
} from "@jetmesh/sdk";
import { z } from "zod";

/** A runner of workflows, and of the one kind that they are made of; each writes what it does into the file `JM_WITNESS`. */
const witness = (line: string): void => appendFileSync(process.env["JM_WITNESS"] ?? "/dev/null", `${line}\n`);

const codeOf = (thrown: unknown): string => (thrown instanceof StepError ? thrown.code : "?");

/** Does its work and says so. `waitMs`: it is in progress that long, and its watcher finds it done. */
const work = defineAction({
  kind: "work",
  argument: z.object({
    name: z.string(),
    tag: z.string().default(""),
    waitMs: z.number().default(0),
    fail: z.boolean().default(false),
  }),
  result: z.object({ name: z.string() }),
  frequency: "100ms",
  main: ({ argument: { name, tag, waitMs, fail }, fence }) => {
    witness(`work ${tag}${name} ${String(fence)}`);
    if (fail) return failure("work_failed", `${name} failed`);
    return waitMs === 0 ? success({ name }) : inProgress(waitMs);
  },
  watcher: ({ argument: { name } }) => success({ name }),
});

/** The way through try, catch and finally, and through a loop that uses one name again and again. */
const winding = defineWorkflow({
  kind: "winding",
  argument: z.object({ waitMs: z.number().default(0), tag: z.string().default("") }),
  result: z.array(z.string()),
  run: async ({ argument: { waitMs, tag }, ...flow }) => {
    const way: string[] = [];
    way.push((await flow.do("first", work, { name: "first", waitMs, tag })).name);
    try {
      await flow.do("second", work, { name: "second", waitMs, tag, fail: true });
      way.push("never");
    } catch (thrown) {
      if (!(thrown instanceof StepError)) throw thrown;
      way.push(`caught ${thrown.code} in ${thrown.trace.join(" > ")}: ${thrown.message}`);
    } finally {
      way.push((await flow.do("third", work, { name: "third", waitMs, tag })).name);
    }
    for (let n = 0; n < 3; n += 1)
      way.push((await flow.do("loop", work, { name: `loop ${String(n)}`, waitMs, tag })).name);
    await flow.sleep("nap", 20);
    way.push(await flow.do("here", () => "here", { idempotent: true }));
    return way;
  },
});

/** One step behind the other. */
const chain = defineWorkflow({
  kind: "chain",
  argument: z.object({ many: z.number(), waitMs: z.number().default(0) }),
  result: z.number(),
  run: async ({ argument: { many, waitMs }, ...flow }) => {
    for (let n = 0; n < many; n += 1) await flow.do("link", work, { name: `link ${String(n)}`, waitMs });
    return many;
  },
});

const parallel = defineWorkflow({
  kind: "parallel",
  argument: z.object({ many: z.number(), waitMs: z.number().default(0), fail: z.number().default(-1) }),
  result: z.array(z.string()),
  run: async ({ argument: { many, waitMs, fail }, ...flow }) => {
    const done = await Promise.all(
      Array.from({ length: many }, (_, n) =>
        flow.do("part", work, {
          name: `part ${String(n)}`,
          waitMs: n === fail ? 0 : waitMs,
          fail: n === fail,
        }),
      ),
    );
    return done.map(({ name }) => name);
  },
});

/** Keeps its runner for a while by a function of its own, beside a step that ends meanwhile. */
const holding = defineWorkflow({
  kind: "holding",
  argument: z.object({ ms: z.number() }),
  result: z.string(),
  run: async ({ argument: { ms }, ...flow }) => {
    const call = (): Promise<string> => {
      witness("held");
      return new Promise((resolve) => setTimeout(() => resolve("held on"), ms));
    };
    const [held, { name }] = await Promise.all([
      flow.do("hold", call, { idempotent: true }),
      flow.do("part", work, { name: "part", waitMs: 300 }, { pool: "other" }),
    ]);
    return `${held}, ${name}`;
  },
});

/** Begins a step behind a function of its own that takes its time. */
const afterwards = defineWorkflow({
  kind: "afterwards",
  argument: z.object({}),
  result: z.string(),
  run: async (flow) => {
    await flow.do("hold", () => {
      witness("held");
      return new Promise((resolve) => setTimeout(() => resolve(null), 1_500));
    });
    return (await flow.do("part", work, { name: "afterwards" })).name;
  },
});

/** Gives as much as it is asked for. */
const big = defineAction({
  kind: "big",
  argument: z.object({ size: z.number() }),
  result: z.string(),
  frequency: "100ms",
  // So late that its workflow has let go of the record meanwhile.
  main: () => inProgress(300),
  watcher: ({ argument: { size } }) => success("x".repeat(size)),
});
const hoarding = defineWorkflow({
  kind: "hoarding",
  argument: z.object({ ballast: z.string() }),
  result: z.string(),
  run: async (flow) => {
    // What has ended lies elsewhere: these would be too much together.
    for (let n = 0; n < 3; n += 1) await flow.do("fits", big, { size: 300_000 });
    const fits = await flow.do("does not", big, { size: 500_000 }).then(() => "fits", codeOf);
    const isMade = await flow
      .do("is too much", work, { name: "x".repeat(800_000) })
      .then(() => "made", codeOf);
    return `${fits}, ${isMade}`;
  },
});

/** Calls itself, deeper and deeper; `failAt`: what fails at the bottom fails all the way up. */
const nested = defineWorkflow({
  kind: "nested",
  argument: z.object({ depth: z.number(), fail: z.boolean().default(false) }),
  result: z.number(),
  run: async ({ argument: { depth, fail }, ...flow }): Promise<number> => {
    if (depth > 0) return 1 + Number(await flow.do("deeper", "nested", { depth: depth - 1, fail }));
    await flow.do("bottom", work, { name: "bottom", fail });
    return 0;
  },
});

const race = defineWorkflow({
  kind: "race",
  argument: z.object({}),
  result: z.string(),
  run: async (flow) => {
    const slow = flow.do("slow", work, { name: "slow", waitMs: 60_000 });
    const quick = flow.do("quick", work, { name: "quick", waitMs: 50 });
    const { name } = await Promise.race([slow, quick]);
    slow.cancel();
    const lost = await slow.then(() => "nobody", codeOf);
    return `${name}, not slow: ${lost}`;
  },
});

/** Waits for a word of somebody, and says it to another. */
const approval = defineWorkflow({
  kind: "approval",
  argument: z.object({ timeout: z.string().default("1h"), tell: z.string().optional() }),
  result: z.unknown(),
  run: async ({ argument: { timeout, tell }, ...flow }) => {
    const answer = await flow.waitForSignal("approved", { timeout, schema: z.object({ by: z.string() }) });
    if (tell !== undefined) await flow.signal("pass on", tell, "approved", answer);
    return answer;
  },
});

/** Is told whom it is to say hello to, says it, and waits until it is said to itself. */
const greeting = defineWorkflow({
  kind: "greeting",
  argument: z.object({}),
  result: z.string(),
  run: async (flow) => {
    const to = await flow.waitForSignal("peer", { schema: z.string() });
    await flow.signal("say", to, "hello", flow.id);
    return flow.waitForSignal("hello", { schema: z.string() });
  },
});

/** Takes another way each time it is run. */
const fickle = defineWorkflow({
  kind: "fickle",
  argument: z.object({}),
  result: z.null(),
  run: async (flow) => {
    await flow.do(`step ${String(process.pid % 2 === 0 ? 1 : 2)} ${String(Math.random())}`, work, {
      name: "fickle",
      waitMs: 300,
    });
    return null;
  },
});

/** Begins something, and ends without waiting for it. */
const leaving = defineWorkflow({
  kind: "leaving",
  argument: z.object({ detached: z.boolean().default(false), fail: z.boolean().default(false) }),
  result: z.null(),
  run: async ({ argument: { detached, fail }, ...flow }) => {
    void flow.do("left", work, { name: "left", waitMs: 1_500 }, { detached });
    await flow.do("waited for", work, { name: "waited for" });
    if (fail) throw new Error("it fell");
    return null;
  },
});

/** A function of its own, which its runner is lost in. */
const calling = defineWorkflow({
  kind: "calling",
  argument: z.object({ idempotent: z.boolean() }),
  result: z.string(),
  run: async ({ argument: { idempotent }, ...flow }) => {
    const before = await flow.do("before", () => {
      witness("before");
      return 1;
    });
    const call = (): number => {
      witness("called");
      if (process.env["DIE_IN_CALL"] !== undefined) process.kill(process.pid, "SIGKILL");
      return before + 1;
    };
    const called = flow.do("called", call, { idempotent });
    return called.then(
      (n) => `gave ${String(n)}`,
      (thrown: unknown) => `threw ${thrown instanceof StepError ? thrown.code : String(thrown)}`,
    );
  },
});

const unknownStep = defineWorkflow({
  kind: "unknown-step",
  argument: z.object({}),
  result: z.unknown(),
  run: async (flow) => flow.do("nobody", "nobody-knows-it").catch(codeOf),
});

/** Waits for something that is none of its steps. */
const foreign = defineWorkflow({
  kind: "foreign",
  argument: z.object({}),
  result: z.null(),
  run: async () => {
    await new Promise((resolve) => setTimeout(resolve, 60_000).unref());
    return null;
  },
});

/** Those of one name are the same. */
const same = defineAction({
  kind: "same",
  argument: z.object({ name: z.string(), waitMs: z.number().default(0), fail: z.boolean().default(false) }),
  result: z.object({ ran: z.string() }),
  identity: ["name"],
  frequency: "100ms",
  main: ({ argument: { name, waitMs, fail }, id }) => {
    witness(`same ${name}`);
    if (fail) return failure("work_failed", "it failed");
    return waitMs === 0 ? success({ ran: id }) : inProgress(waitMs);
  },
  watcher: ({ id }) => success({ ran: id }),
});
/** Done once for each name, and its result kept. */
const single = defineAction({
  kind: "single",
  argument: z.object({ name: z.string(), waitMs: z.number().default(0) }),
  result: z.object({ ran: z.string() }),
  identity: true,
  once: true,
  main: ({ argument: { name, waitMs }, id }) => {
    witness(`single ${name}`);
    const isFirst = !existsSync(`${process.env["JM_WITNESS"] ?? ""}.${name}`);
    if (name.startsWith("shaky") && isFirst) {
      writeFileSync(`${process.env["JM_WITNESS"] ?? ""}.${name}`, "");
      return failure("not_yet", "the first time it fails");
    }
    return waitMs === 0 ? success({ ran: id }) : inProgress(waitMs);
  },
  watcher: ({ id }) => success({ ran: id }),
});
/** Two of these share one step. */
const sharing = defineWorkflow({
  kind: "sharing",
  argument: z.object({ name: z.string(), once: z.boolean().default(false) }),
  result: z.string(),
  run: async ({ argument: { name, once }, ...flow }) =>
    (await flow.do("shared", once ? single : same, { name, waitMs: 700 })).ran,
});

/** Its closed records are kept for a second. */
const brief = defineAction({
  kind: "brief",
  argument: z.object({}),
  result: z.null(),
  keep: "1s",
  main: () => success(null),
});

/** Puts a line into the witness, and takes it out by another. */
const undoable = defineAction({
  kind: "undoable",
  argument: z.object({
    name: z.string(),
    fail: z.boolean().default(false),
    undo: z.string().default("done"),
  }),
  result: z.null(),
  main: ({ argument: { name, fail } }) => {
    witness(`do ${name}`);
    return fail ? failure("work_failed", `${name} failed`) : success(null);
  },
  rollback: async ({ argument: { name, undo }, outcome, attempt, signal }) => {
    witness(`undo ${name} ${String(outcome)} ${String(attempt)}`);
    if (undo === "throws once" && !existsSync(`${process.env["JM_WITNESS"] ?? ""}.once`)) {
      writeFileSync(`${process.env["JM_WITNESS"] ?? ""}.once`, "");
      throw new Error(`cannot undo ${name}`);
    }
    if (undo === "hangs") await new Promise((resolve) => signal.addEventListener("abort", resolve));
  },
  delays: { main: "2s" },
});

const reversible = defineWorkflow({
  kind: "reversible",
  argument: z.object({ failAt: z.number().default(-1), undo: z.string().default("done") }),
  result: z.null(),
  rollback: true,
  run: async ({ argument: { failAt, undo }, ...flow }) => {
    for (let n = 0; n < 3; n += 1)
      await flow.do("step", undoable, { name: String(n), fail: n === failAt, ...(n === 1 ? { undo } : {}) });
    await flow.do("own", () => null);
    await flow.do("plain", work, { name: "plain" });
    return null;
  },
});

await runRunner({
  kinds: [
    work,
    winding,
    chain,
    parallel,
    holding,
    afterwards,
    big,
    hoarding,
    nested,
    race,
    approval,
    greeting,
    fickle,
    leaving,
    calling,
    unknownStep,
    foreign,
    undoable,
    reversible,
    brief,
    same,
    single,
    sharing,
  ],
});
