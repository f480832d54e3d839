import { PLAN_KIND } from "@jetmesh/lifecycle";
import type { ActionKind } from "@jetmesh/runner";
import { planOf, valuesOf } from "./plan-facts.ts";
import { openNext } from "./plan-pass.ts";
import { runPlan } from "./run-plan.ts";
import { undoPlan } from "./undo-plan.ts";
import { watchPlan } from "./watch-plan.ts";

/**
 * Flight plans as actions (design §2, ADR 0036). Which step comes next is a pure function of the plan and its journal
 * (`packages/flight-plan`); here steps are run, written and waited for. One write ends step k and opens step k + 1: the claim
 * opens the first, the outcome ends the last, so a plan of one step has no writes of its own. A plan that waits holds no
 * runner: main returns IN_PROGRESS, the watcher says SLEEPING when there is something to run, and the next attempt goes on
 * behind the journal.
 *
 *   F1  a step that has ended is never run again
 *   F2  a step that was open when its runner died is run again only if it is idempotent, and not for ever: one that
 *       takes its runner with it each time would go through all runners there are
 */
export function createFlightPlan(graceMs: number): ActionKind {
  return {
    name: PLAN_KIND,
    takesNotes: true,
    opening: (record, now) => {
      const { journal } = openNext(
        { tree: planOf(record), values: valuesOf(record) },
        record,
        record.journal,
        now,
        record.cut,
      );
      return journal.length === record.journal.length ? {} : { journal };
    },
    main: (context) => runPlan(context, graceMs),
    watcher: (context) => watchPlan(context, graceMs),
    rollback: (context) => undoPlan(context, graceMs),
  };
}
