import { appendFileSync } from "node:fs";
import {
  defineAction,
  defineWorkflow,
  inProgress,
  runRunner,
  StepError,
  success,
  type WorkflowContext,
} from "@jetmesh/sdk";
import { z } from "zod";

/** A runner of workflows with more steps than a record holds; what is done is written into the file `JM_WITNESS`. */
const witness = (line: string): void => appendFileSync(process.env["JM_WITNESS"] ?? "/dev/null", `${line}\n`);

const link = defineAction({
  kind: "link",
  argument: z.object({ name: z.string() }),
  result: z.string(),
  main: ({ argument: { name } }) => {
    witness(`do ${name}`);
    return success(name);
  },
  rollback: ({ argument: { name } }) => witness(`undo ${name}`),
});

/** Is in progress until somebody cancels it. */
const slow = defineAction({
  kind: "slow",
  argument: z.object({}),
  result: z.string(),
  main: () => inProgress(3_600_000),
  watcher: () => inProgress(3_600_000),
});

const Chain = z.object({
  tag: z.string().default(""),
  many: z.number(),
  /** As many as these at a time. */
  width: z.number().default(1),
});

const ChainResult = z.object({ sum: z.number(), last: z.string(), early: z.string() });

/** One after another, but for one that is begun first and waited for last; gives what its steps gave. */
async function runChain({
  argument: { tag, many, width },
  ...flow
}: WorkflowContext<z.output<typeof Chain>>): Promise<z.output<typeof ChainResult>> {
  const early = flow.do("early", slow, {});
  let sum = 0;
  let last = "";
  for (let n = 0; n < many; n += width) {
    const names = Array.from({ length: Math.min(width, many - n) }, (_, k) => `${tag}${String(n + k)}`);
    const given = await Promise.all(names.map((name) => flow.do("link", link, { name })));
    for (const one of given) sum += Number(one.slice(tag.length));
    last = given.at(-1) ?? last;
  }
  early.cancel();
  const code = (thrown: unknown): string => (thrown instanceof StepError ? thrown.code : "?");
  return { sum, last, early: await early.catch(code) };
}
const chain = defineWorkflow({ kind: "chain", argument: Chain, result: ChainResult, run: runChain });
/** Its closed record is kept for a second. */
const brief = defineWorkflow({
  kind: "brief",
  argument: Chain,
  result: ChainResult,
  keep: "1s",
  run: runChain,
});

/** The same, and it can be undone. */
const undone = defineWorkflow({
  kind: "undone",
  argument: Chain,
  result: z.null(),
  rollback: true,
  run: async ({ argument: { tag, many }, ...flow }) => {
    for (let n = 0; n < many; n += 1) await flow.do("link", link, { name: `${tag}${String(n)}` });
    return null;
  },
});

/** Fails at its end the first time. */
const again = defineWorkflow({
  kind: "again",
  argument: Chain,
  result: z.number(),
  repeat: { error: 1, backoff: "50ms" },
  run: async ({ argument: { many }, attempt, ...flow }) => {
    let sum = 0;
    for (let n = 0; n < many; n += 1) sum += await flow.do("call", () => attempt);
    await flow.waitForSignal(`go ${String(attempt)}`);
    if (attempt === 1) throw new Error("not the first time");
    return sum;
  },
});

/** Steps whose results have so many bytes each. */
const heavy = defineWorkflow({
  kind: "heavy",
  argument: z.object({ many: z.number(), bytes: z.number() }),
  result: z.number(),
  run: async ({ argument: { many, bytes }, ...flow }) => {
    let all = 0;
    for (let n = 0; n < many; n += 1) all += (await flow.do("heavy", () => "x".repeat(bytes))).length;
    return all;
  },
});

/** Waits for a word behind so many steps, and again and again. */
const patient = defineWorkflow({
  kind: "patient",
  argument: z.object({ many: z.number(), words: z.number() }),
  result: z.array(z.unknown()),
  run: async ({ argument: { many, words }, ...flow }) => {
    const heard: unknown[] = [];
    for (let n = 0; n < many; n += 1) await flow.do("call", () => n, { idempotent: true });
    for (let n = 0; n < words; n += 1) heard.push(await flow.waitForSignal("word"));
    return heard;
  },
});

await runRunner({ kinds: [link, slow, chain, brief, undone, again, heavy, patient] });
