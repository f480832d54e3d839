import { calledBy } from "@jetmesh/flight-plan";
import type { PlanDefinition } from "@jetmesh/protocol";
import type { Deps } from "./deps.ts";

/** The plans that one calls, and those that these call, as they are now; or the first that is missing. */
export async function plansCalledBy(
  definitions: Pick<Deps["definitions"], "plan">,
  plan: PlanDefinition,
): Promise<{ readonly plans?: Record<string, PlanDefinition> } | { readonly missing: string }> {
  const plans: Record<string, PlanDefinition> = {};
  const wanted = calledBy(plan);
  for (let reference = wanted.pop(); reference !== undefined; reference = wanted.pop()) {
    if (Object.hasOwn(plans, reference)) continue;
    const found = await definitions.plan(reference, false);
    if (found === undefined) return { missing: reference };
    plans[reference] = found;
    wanted.push(...calledBy(found));
  }
  return Object.keys(plans).length === 0 ? {} : { plans };
}
