import { type PreviewedStep, previewPlan } from "@jetmesh/flight-plan";
import type { Command } from "commander";
import { collect, parsePairs, reference } from "../arguments.ts";
import { contextOf, withMesh } from "../command-context.ts";
import { groupOf } from "../command-group.ts";
import { planWithValues } from "../plan-values.ts";
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
        const { tree, values } = await planWithValues(client, plan, options.jet);
        const items = previewPlan(tree, { ...values, ...parsePairs("--var", options.var) });
        output.result({ items }, () => items.flatMap(linesOf));
      });
    });
}

/** The step, whether it runs, and what it is given, a line each. */
function linesOf({ step, does, runs, with: given, open }: PreviewedStep): string[] {
  const how = runs === undefined ? "  (only a run tells whether)" : runs ? "" : "  (is skipped)";
  return [`${step}  ${does}${how}`, ...givenLines({ with: given, open })];
}

export const givenLines = ({ with: given, open }: Pick<PreviewedStep, "with" | "open">): string[] => [
  ...Object.entries(given).map(
    ([name, value]) => `  ${name}: ${typeof value === "string" ? value : JSON.stringify(value)}`,
  ),
  ...open.map((why) => `  open: ${why}`),
];
