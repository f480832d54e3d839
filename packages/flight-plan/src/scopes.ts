import type { JournalEntry } from "@jetmesh/protocol";
import type { PlanNode, StepNode } from "./plan-tree.ts";
import { createRender, TemplateError, type TemplateValues } from "./render.ts";
import { renderDeep } from "./render-deep.ts";

type Entries = ReadonlyMap<string, JournalEntry>;

/** What the steps of a plan see: what whoever called it gave, and what its own steps have captured. */
export const scopeOf = (plan: PlanNode, outer: TemplateValues, entries: Entries): TemplateValues => ({
  ...outer,
  outputs: outputsOf(plan, entries),
});

/** What a called plan is given: its own defaults, then all that its caller sees, then what the call says. */
export function valuesInside(call: StepNode, called: PlanNode, scope: TemplateValues): TemplateValues {
  const { outputs: _callers, ...seen } = scope;
  const given = renderDeep(createRender(scope), "variables", call.step.plan?.variables ?? {});
  return { ...called.plan.variables, ...seen, ...given };
}

/** Of every step of a plan and of those that it calls, by its path, what it sees once all that the journal has is there. */
export function allScopes(
  plan: PlanNode,
  journal: readonly JournalEntry[],
  values: TemplateValues,
): ReadonlyMap<string, TemplateValues> {
  const entries = new Map(journal.map((entry) => [entry.reference, entry]));
  const scopes = new Map<string, TemplateValues>();
  const visit = (one: PlanNode, outer: TemplateValues): void => {
    const scope = scopeOf(one, outer, entries);
    for (const node of [...one.steps, ...one.last].flatMap((each) => [each, ...each.branches])) {
      scopes.set(node.path, scope);
      if (node.calls === undefined) continue;
      try {
        visit(node.calls, valuesInside(node, node.calls, scope));
      } catch (thrown) {
        // What it was to be called with cannot be told, and so it never was.
        if (!(thrown instanceof TemplateError)) throw thrown;
      }
    }
  };
  visit(plan, values);
  return scopes;
}

/** What steps have captured, by their own names; of a call what its steps have. */
function outputsOf(plan: PlanNode, entries: Entries): Record<string, unknown> {
  const outputs: Record<string, unknown> = {};
  const visit = (node: StepNode): void => {
    const captured = entries.get(node.path)?.outputs;
    if (captured !== undefined) outputs[node.reference] = captured;
    else if (node.calls !== undefined) outputs[node.reference] = outputsOf(node.calls, entries);
    node.branches.forEach(visit);
  };
  plan.steps.forEach(visit);
  plan.last.forEach(visit);
  return outputs;
}
