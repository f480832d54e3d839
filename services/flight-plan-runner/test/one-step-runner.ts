/** A runner of one step, for tests that kill it: the script is its argument, what the step prints it prints too. */
import { writeSync } from "node:fs";
import { runStep } from "../src/steps/run-step.ts";
import { contextOf, stepOf } from "./step-bench.ts";

await runStep(
  stepOf({ shell: process.argv[2] ?? "" }),
  contextOf({ graceMs: 60_000, output: (_stream, chunk) => void writeSync(1, chunk) }),
);
