import { defineAction, defineWorkflow, inProgress, runRunner, success } from "@jetmesh/sdk";
import { z } from "zod";

/** What `workflow.bench.ts` measures, as a program of one's own. */
const step = defineAction({
  kind: "step",
  argument: z.object({ waitMs: z.number() }),
  result: z.null(),
  frequency: "100ms",
  main: ({ argument: { waitMs } }) => (waitMs === 0 ? success(null) : inProgress(waitMs)),
  watcher: () => success(null),
});

const fan = defineWorkflow({
  kind: "fan",
  argument: z.object({ many: z.number(), fromMs: z.number().default(0), spreadMs: z.number().default(0) }),
  result: z.null(),
  run: async ({ argument: { many, fromMs, spreadMs }, ...flow }) => {
    // What an argument is does not decide the way.
    const waitMs = (): number => fromMs + Math.floor(Math.random() * spreadMs);
    await Promise.all(Array.from({ length: many }, () => flow.do("part", step, { waitMs: waitMs() })));
    return null;
  },
});

const chain = defineWorkflow({
  kind: "chain",
  argument: z.object({ long: z.number(), waitMs: z.number().default(0) }),
  result: z.null(),
  run: async ({ argument: { long, waitMs }, ...flow }) => {
    for (let n = 0; n < long; n += 1) await flow.do("link", step, { waitMs });
    return null;
  },
});

/** Waits again and again, behind so many steps that are over. */
const behind = defineWorkflow({
  kind: "behind",
  argument: z.object({ long: z.number(), words: z.number() }),
  result: z.null(),
  run: async ({ argument: { long, words }, ...flow }) => {
    for (let n = 0; n < long; n += 1) await flow.do("over", () => n, { idempotent: true });
    for (let n = 0; n < words; n += 1) await flow.waitForSignal("word");
    return null;
  },
});

await runRunner({ kinds: [step, fan, chain, behind], pools: ["step", "fan", "chain", "behind"] });
