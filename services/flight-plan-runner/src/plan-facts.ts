import { type PlanNode, planTree, type TemplateValues, valuesOfAction } from "@jetmesh/flight-plan";
import type { ActionRecord, JournalEntry, PlanDefinition } from "@jetmesh/protocol";
import type { KindContext } from "@jetmesh/runner";
import { variableEnvironment } from "./steps/environment.ts";
import type { StepContext } from "./steps/run-step.ts";

/** A claim and the main behind it read the same definition. */
const trees = new WeakMap<PlanDefinition, PlanNode>();

export function planOf({ definition: { plan, plans } }: ActionRecord): PlanNode {
  if (plan === undefined) throw new Error("the action has no plan");
  const made = trees.get(plan) ?? planTree(plan, plans);
  trees.set(plan, made);
  return made;
}

/** What a plan's steps see of the action that they are part of. */
export function valuesOf({ definition, jet, template, id, argument, user }: ActionRecord): TemplateValues {
  const { jetAction, variables } = definition;
  return valuesOfAction({ id, user, argument, variables, jetAction, jet, template });
}

export const stepContext = (
  context: KindContext,
  entry: JournalEntry,
  values: TemplateValues,
  signal: AbortSignal,
  graceMs: number,
): StepContext => ({
  values,
  readSecrets: (names) => context.secrets.read(names),
  environment: environmentOf(context, entry, values),
  signal,
  output: (stream, chunk) => context.output.write(entry.reference, stream, chunk),
  random: Math.random,
  graceMs,
});

function environmentOf(
  { record, fence }: KindContext,
  open: JournalEntry,
  values: TemplateValues,
): Record<string, string> {
  const {
    outputs: _outputs,
    jet: _jet,
    template: _template,
    action: _action,
    argument: _argument,
    ...variables
  } = values;
  return {
    JM_JET: record.jet ?? "",
    JM_TEMPLATE: record.template ?? "",
    JM_JET_ACTION: record.definition.jetAction?.reference ?? "",
    JM_ACTION_ID: record.id,
    JM_ATTEMPT: String(record.attempt),
    JM_FENCE: String(fence),
    JM_STEP: open.reference,
    JM_USER: record.user,
    ...variableEnvironment(variables),
  };
}
