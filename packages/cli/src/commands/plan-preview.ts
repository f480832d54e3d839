import type { MeshClient } from "@jetmesh/client";
import { type PreviewedStep, plansCalledBy, planTree, previewPlan } from "@jetmesh/flight-plan";
import type { JetView, PlanDefinition, TemplateDefinition } from "@jetmesh/protocol";
import type { Command } from "commander";
import { collect, parsePairs, reference } from "../arguments.ts";
import { contextOf, withMesh } from "../command-context.ts";
import { groupOf } from "../command-group.ts";
import type { Environment } from "../settings.ts";

export function addPlanPreview(program: Command, env: Environment): void {
  groupOf(program, "plan", "see and check flight plans")
    .command("preview")
    .description("show what a flight plan would run, rendered as far as that can be told, without running it")
    .argument("<plan>", "the plan's reference", reference)
    .option("--jet <jet>", "the jet that it would run on, whose variables it sees", reference)
    .option("--var <name=value>", "a value that it would see; may be repeated", collect, [])
    .action(async (plan: string, options: { jet?: string; var: readonly string[] }, command: Command) => {
      await withMesh(contextOf(command, env), async ({ client, output }) => {
        const { tree, variables } = await readPlan(client, plan);
        const values = {
          ...variables,
          ...(await meshVariables(client)),
          ...(await valuesOfJet(client, options.jet)),
          ...parsePairs("--var", options.var),
        };
        const items = previewPlan(tree, values);
        output.result({ items }, () => items.flatMap(linesOf));
      });
    });
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

/** The step, whether it runs, and what it is given, a line each. */
function linesOf({ step, does, runs, with: given, open }: PreviewedStep): string[] {
  const how = runs === undefined ? "  (only a run tells whether)" : runs ? "" : "  (is skipped)";
  return [
    `${step}  ${does}${how}`,
    ...Object.entries(given).map(
      ([name, value]) => `  ${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`,
    ),
    ...open.map((why) => `  open: ${why}`),
  ];
}
