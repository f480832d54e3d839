import { defineAction, defineWorkflow, runRunner, success } from "@jetmesh/sdk";
import { z } from "zod";

/** A release that goes out once somebody has approved of it: `jm action signal ID approved --payload '{"by":"ada"}'`. */
const build = defineAction({
  kind: "build",
  argument: z.object({ part: z.string(), version: z.string() }),
  result: z.object({ image: z.string() }),
  main: ({ argument: { part, version } }) => success({ image: `${part}:${version}` }),
});

const release = defineWorkflow({
  kind: "release",
  argument: z.object({ version: z.string(), patience: z.string().default("24h") }),
  result: z.object({ images: z.array(z.string()), approvedBy: z.string() }),
  run: async (flow) => {
    const { version, patience } = flow.argument;
    const built = await Promise.all(["api", "web"].map((part) => flow.do("build", build, { part, version })));
    const { by } = await flow.waitForSignal("approved", {
      timeout: patience,
      schema: z.object({ by: z.string() }),
    });
    return { images: built.map(({ image }) => image), approvedBy: by };
  },
});

await runRunner({ kinds: [build, release] });
