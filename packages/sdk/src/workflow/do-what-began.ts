import { type Ending, endingOf } from "@jetmesh/lifecycle";
import type { KindContext } from "@jetmesh/runner";
import type { Calls } from "./calls.ts";
import type { Steps } from "./steps.ts";

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
      for (const one of began) {
        const [index, { what }, code] = one;
        if (what === "call") calls.run(index, code);
        else if (what === "signal") await send(given, steps, one);
        else if (what === "action") await makeOrCancel(given, steps, one);
      }
    }),
  );
}

type Began = Steps["pending"][number];

async function makeOrCancel(given: KindContext, steps: Steps, [index, step, code]: Began): Promise<void> {
  if (step.child === undefined || step.of === undefined) return;
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

async function send(given: KindContext, steps: Steps, [index, step, code]: Began): Promise<void> {
  if (code.send === undefined) return;
  const { record } = given;
  const { to, payload } = code.send;
  const id = `${record.id}.${String(record.attempt)}.${step.ref}.${String(step.n)}`;
  const carried = payload === undefined ? {} : { payload: payload as Ending["result"] };
  const refused = await given.workshop.signal(to, { id, name: step.of ?? step.ref, ...carried });
  steps.end(
    index,
    endingOf({ outcome: refused === undefined ? "SUCCESS" : "ERROR", error: refused }),
    given.now(),
  );
}
