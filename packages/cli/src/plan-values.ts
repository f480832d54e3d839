import type { MeshClient } from "@jetmesh/client";
import { plansCalledBy, planTree } from "@jetmesh/flight-plan";
import type { JetView, PlanDefinition, TemplateDefinition } from "@jetmesh/protocol";

/** A plan with all that it calls, and what it would see on a jet, as far as the caller may see that. */
export async function planWithValues(
  client: MeshClient,
  plan: string,
  jet: string | undefined,
): Promise<{ readonly tree: ReturnType<typeof planTree>; readonly values: Record<string, unknown> }> {
  const { tree, variables } = await readPlan(client, plan);
  return {
    tree,
    values: { ...variables, ...(await meshVariables(client)), ...(await valuesOfJet(client, jet)) },
  };
}

async function readPlan(
  client: MeshClient,
  name: string,
): Promise<{ readonly tree: ReturnType<typeof planTree>; readonly variables: PlanDefinition["variables"] }> {
  const get = (one: string): Promise<PlanDefinition> =>
    client.request<PlanDefinition>("plan.get", { reference: one });
  const plan = await get(name);
  // What is missing is refused by name as it is read.
  const called = await plansCalledBy(plan, get);
  return { tree: planTree(plan, "plans" in called ? called.plans : {}), variables: plan.variables };
}

/** Of the sets that the caller may see. */
async function meshVariables(client: MeshClient): Promise<Record<string, unknown>> {
  const sets: Record<string, unknown>[] = [];
  for await (const { variables } of client.pages("variables.list")) sets.push(variables);
  return Object.assign({}, ...sets) as Record<string, unknown>;
}

async function valuesOfJet(client: MeshClient, name: string | undefined): Promise<Record<string, unknown>> {
  if (name === undefined) return {};
  const jet = await client.request<JetView>("jet.get", { reference: name });
  const template = await client.request<TemplateDefinition>("template.get", { reference: jet.template });
  return {
    ...template.variables,
    ...jet.variables,
    jet: { reference: name, name, state: jet.state ?? "" },
    template: { reference: jet.template, name: template.name },
  };
}
