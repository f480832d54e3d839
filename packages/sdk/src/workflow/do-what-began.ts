import type { WorkflowStep } from "@jetmesh/protocol";
import type { KindContext } from "@jetmesh/runner";
import type { Calls } from "./calls.ts";
import type { StepCode, Steps } from "./steps.ts";

type Json = NonNullable<WorkflowStep["end"]>["result"];

const AT_ONCE = 64;

/** Whether something is begun, or canceled, that nobody has done anything about. */
export function hasWork(steps: Steps, calls: Calls): boolean {
  return steps.pending.some(([index, step, code]) => {
    switch (step.what) {
      case "action":
        return step.cancel === "asked" || (step.made === undefined && step.cancel === undefined);
      case "call":
        return !calls.has(index);
      case "signal":
        return code.send !== undefined;
      case "sleep":
      case "wait":
        return false;
    }
  });
}

/** Does what is written as begun. Each of it may have been done before, and nothing is the worse for it. */
export async function doWhatBegan(given: KindContext, steps: Steps, calls: Calls): Promise<void> {
  const began = steps.pending.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const [index, step, code] of began) {
        if (step.what === "call") calls.run(index, code);
        else if (step.what === "signal") await send(given, steps, index);
        else if (step.what === "action") await makeOrCancel(given, steps, index, code);
      }
    }),
  );
}

async function makeOrCancel(given: KindContext, steps: Steps, index: number, code: StepCode): Promise<void> {
  const step = steps.all[index];
  if (step?.child === undefined || step.of === undefined) return;
  const { child: id, of: kind } = step;
  if (step.cancel === "asked") {
    await given.workshop.cancel({ id, kind });
    steps.change(index, { cancel: "done" });
  } else if (step.made === undefined && step.cancel === undefined) {
    const request = { argument: {}, delays: {}, ...code.make, kind };
    const refused = await given.workshop.make({ id, request });
    if (refused === undefined) steps.change(index, { made: true });
    else steps.end(index, { outcome: "ERROR", error: refused }, given.now());
  }
}

async function send(given: KindContext, steps: Steps, index: number): Promise<void> {
  const step = steps.all[index];
  const { send: what } = steps.pending.find(([at]) => at === index)?.[2] ?? {};
  if (step === undefined || what === undefined) return;
  const { record } = given;
  const id = `${record.id}.${String(record.attempt)}.${step.ref}.${String(step.n)}`;
  const payload = what.payload === undefined ? {} : { payload: what.payload as Json };
  const refused = await given.workshop.signal(what.to, { id, name: step.of ?? step.ref, ...payload });
  const ended =
    refused === undefined ? { outcome: "SUCCESS" as const } : { outcome: "ERROR" as const, error: refused };
  steps.end(index, ended, given.now());
}
