import { type Assumed, type DryStep, dryRun, stepsOf } from "@jetmesh/flight-plan";
import type { JsonObject } from "@jetmesh/protocol";
import type { Command } from "commander";
import { collect, parsePairs, reference } from "../arguments.ts";
import { contextOf, withMesh } from "../command-context.ts";
import { groupOf } from "../command-group.ts";
import { UsageError } from "../errors.ts";
import { planWithValues } from "../plan-values.ts";
import type { Environment } from "../settings.ts";
import { givenLines } from "./plan-preview.ts";

interface Options {
  readonly dry: boolean;
  readonly jet?: string;
  readonly var: readonly string[];
  readonly code: readonly string[];
  readonly output: readonly string[];
}

export function addPlanRun(program: Command, env: Environment): void {
  groupOf(program, "plan", "see and check flight plans")
    .command("run")
    .description("go through a flight plan without running it: the way that it would take")
    .argument("<plan>", "the plan's reference", reference)
    .option("--dry", "run nothing; a plan is run by an action of a jet alone", false)
    .option("--jet <jet>", "the jet that it would run on, whose variables it sees", reference)
    .option("--var <name=value>", "a value that it would see; may be repeated", collect, [])
    .option("--code <step=code>", "how a step ends, 0 unless said otherwise; may be repeated", collect, [])
    .option("--output <step.name=value>", "what a step captures; may be repeated", collect, [])
    .action(async (plan: string, options: Options, command: Command) => {
      if (!options.dry)
        throw new UsageError(
          "a plan is run by an action of a jet (`jm jet trigger`); with --dry it is gone through without running it",
        );
      const assumed = assumedBy(options);
      await withMesh(contextOf(command, env), async ({ client, output }) => {
        const { tree, values } = await planWithValues(client, plan, options.jet);
        const paths = new Set(stepsOf(tree).map(({ path }) => path));
        for (const step of [...assumed.codes.keys(), ...assumed.outputs.keys()])
          if (!paths.has(step)) throw new UsageError(`plan '${plan}' has no step '${step}'`);
        const seen = { ...values, ...parsePairs("--var", options.var) };
        const { steps, end } = dryRun(tree, seen, assumed, Date.now());
        const said = end.outcome === "SUCCESS" ? "SUCCESS" : `ERROR: ${end.error.message}`;
        output.result({ items: steps, end }, () => [...steps.flatMap(linesOf), `the plan ends with ${said}`]);
      });
    });
}

function assumedBy({ code, output }: Options): Assumed {
  const codes = Object.entries(parsePairs("--code", code)).map(([step, value]) => {
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > 255)
      throw new UsageError(`--code: '${step}' has no code from 0 to 255`);
    return [step, value] as const;
  });
  const outputs = new Map<string, JsonObject>();
  for (const [name, value] of Object.entries(parsePairs("--output", output))) {
    const dot = name.lastIndexOf(".");
    if (dot < 1) throw new UsageError(`--output: '${name}' is not of the form step.name`);
    const step = name.slice(0, dot);
    outputs.set(step, { ...outputs.get(step), [name.slice(dot + 1)]: value as JsonObject[string] });
  }
  return { codes: new Map(codes), outputs };
}

const linesOf = ({ step, does, outcome, error, ...given }: DryStep): string[] => [
  `${step}  ${does}  ${outcome}${error === undefined ? "" : `: ${error}`}`,
  ...givenLines(given),
];
