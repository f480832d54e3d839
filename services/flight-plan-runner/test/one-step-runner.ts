/**
 * A runner of one step, for tests that kill or stop it: the script, or the step as JSON, is its argument, what the step prints it prints
 * too. With a second argument it has a lease of so many milliseconds and renews it, as a presence would.
 */
import { writeSync } from "node:fs";
import { leaseGroups, renewLease } from "../src/steps/guard.ts";
import { runStep } from "../src/steps/run-step.ts";
import { contextOf, stepOf } from "./step-bench.ts";

const leaseMs = Number(process.argv[3] ?? 0);
if (leaseMs > 0) {
  leaseGroups(leaseMs);
  setInterval(renewLease, leaseMs / 4).unref();
}
const writtenStep = (text: string): object =>
  text.startsWith("{") ? (JSON.parse(text) as object) : { shell: text };
await runStep(
  stepOf(writtenStep(process.argv[2] ?? "")),
  contextOf({ graceMs: 60_000, output: (_stream, chunk) => void writeSync(1, chunk) }),
);
