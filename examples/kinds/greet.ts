import { defineAction, runRunner, success } from "@jetmesh/sdk";
import { z } from "zod";

const greet = defineAction({
  kind: "greet",
  argument: z.object({ name: z.string() }),
  result: z.object({ said: z.string() }),
  main: ({ argument }) => success({ said: `Hello, ${argument.name}` }),
});

await runRunner({ kinds: [greet] });
