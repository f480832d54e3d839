import type { Now } from "@jetmesh/lifecycle";
import { toInstant } from "@jetmesh/lifecycle";
import type { JournalEntry, JsonObject } from "@jetmesh/protocol";
import { advance, type OpenStep } from "./advance.ts";
import type { PlanEnd } from "./judge-step.ts";
import { type PlanNode, type StepNode, stepsOf } from "./plan-tree.ts";
import { type RenderedStep, renderStep } from "./preview-plan.ts";
import type { TemplateValues } from "./render.ts";

/** What is taken for granted of steps, by their paths; of those not named that they succeed. */
export interface Assumed {
  /** The exit code with which one ends; anything but 0 is a failure. */
  readonly codes: ReadonlyMap<string, number>;
  /** What one captures; of what is not given its own name stands for it, as `<dump.size>`. */
  readonly outputs: ReadonlyMap<string, JsonObject>;
}

export interface DryStep extends RenderedStep {
  readonly outcome: "SUCCESS" | "ERROR" | "SKIPPED";
  readonly error?: string;
}

/**
 * The way that a plan would take: its own conditions, rules and `finally` decide it, over what is assumed of how steps end.
 * Nothing runs and no time passes.
 */
export function dryRun(
  tree: PlanNode,
  values: TemplateValues,
  assumed: Assumed,
  now: Now,
): { readonly steps: readonly DryStep[]; readonly end: PlanEnd } {
  const rendered = new Map<string, RenderedStep>();
  let journal: readonly JournalEntry[] = [];
  for (;;) {
    const next = advance(tree, journal, values, now);
    for (const open of next.open) rendered.set(open.node.path, renderStep(open.node, open.values));
    const ended = new Map(next.open.map((open) => [open.entry.reference, endOf(open, assumed, now)]));
    journal = next.journal.map((entry) => ended.get(entry.reference) ?? entry);
    if (next.end !== undefined) return { steps: stepsAsEnded(tree, journal, rendered), end: next.end };
  }
}

function endOf({ node, entry }: OpenStep, { codes, outputs }: Assumed, now: Now): JournalEntry {
  const code = codes.get(node.path) ?? 0;
  const ended = { ...entry, endedAt: toInstant(now) };
  if (code !== 0) {
    const error = { code: "step_failed", message: `is assumed to end with code ${String(code)}` };
    return { ...ended, outcome: "ERROR", exitCode: code, error };
  }
  const brought = { ...placeholders(node), ...outputs.get(node.path) };
  return {
    ...ended,
    outcome: "SUCCESS",
    ...(node.verb === "shell" || node.verb === "ssh" ? { exitCode: 0 } : {}),
    ...(Object.keys(brought).length === 0 ? {} : { outputs: brought }),
  };
}

function placeholders({ reference, step, verb }: StepNode): JsonObject {
  const names = [
    ...Object.keys(step.capture),
    ...(verb === "approve" ? ["by", "comment"] : verb === "file" ? ["changed"] : []),
  ];
  return Object.fromEntries(
    names.map((name) => [name, name === "changed" ? true : `<${reference}.${name}>`]),
  );
}

/** In the order in which they began; what was never opened, as one that is skipped, has nothing rendered. */
function stepsAsEnded(
  tree: PlanNode,
  journal: readonly JournalEntry[],
  rendered: ReadonlyMap<string, RenderedStep>,
): DryStep[] {
  const nodes = new Map(stepsOf(tree).map((node) => [node.path, node]));
  return journal.flatMap(({ reference, outcome = "ERROR", error }): DryStep[] => {
    const node = nodes.get(reference);
    if (node === undefined) return [];
    const shown = rendered.get(reference) ?? { step: reference, does: node.verb, with: {}, open: [] };
    return [{ ...shown, outcome, ...(error === undefined ? {} : { error: error.message }) }];
  });
}
