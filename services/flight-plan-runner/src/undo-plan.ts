import { allScopes, type StepNode, stepsOf, type TemplateValues } from "@jetmesh/flight-plan";
import { toInstant } from "@jetmesh/lifecycle";
import type { ActionError, JournalEntry } from "@jetmesh/protocol";
import type { KindContext } from "@jetmesh/runner";
import { planOf, stepContext, valuesOf } from "./plan-facts.ts";
import { runStep } from "./steps/run-step.ts";

type Journal = readonly JournalEntry[];

/**
 * Undoes what has succeeded, the last one first; each is tried, also when another fails, and what is undone is in the
 * journal, so that it is left alone when this is asked for again. An action that a step began is undone by its own kind.
 */
export async function undoPlan(context: KindContext, graceMs: number): Promise<void> {
  const { record } = context;
  const tree = planOf(record);
  const nodes = new Map(stepsOf(tree).map((node) => [node.path, node]));
  let { journal }: { journal: Journal } = record;
  const scopes = allScopes(tree, journal, valuesOf(record));
  const problems: string[] = [];
  for (const entry of journal.toReversed()) {
    const node = nodes.get(entry.reference);
    if (node === undefined || entry.outcome !== "SUCCESS" || entry.undoneAt !== undefined) continue;
    const undone = await undo(context, node, entry, scopes.get(node.path) ?? {}, graceMs);
    if (undone === "nothing") continue;
    if (context.signal.aborted) throw new Error("interrupted");
    if (undone !== "done") {
      problems.push(`undo of step '${entry.reference}': ${undone.message}`);
      continue;
    }
    journal = journal.map((one) => (one === entry ? { ...entry, undoneAt: toInstant(context.now()) } : one));
    await context.progress({ journal });
  }
  if (problems.length > 0) throw new Error(problems.join("; "));
}

async function undo(
  context: KindContext,
  { step }: StepNode,
  entry: JournalEntry,
  values: TemplateValues,
  graceMs: number,
): Promise<"done" | "nothing" | ActionError> {
  const [child] = step.action === undefined ? [] : (entry.children ?? []);
  if (child !== undefined) return (await context.workshop.rollBack(child.id)) ?? "done";
  if (step.undo === undefined) return "nothing";
  const result = await runStep(step.undo, stepContext(context, entry, values, context.signal, graceMs));
  return result.outcome === "ERROR" ? result.error : "done";
}
