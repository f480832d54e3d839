import { placed } from "@jetmesh/lifecycle";
import type { KindContext } from "@jetmesh/runner";

/**
 * Undoes the steps of a workflow, the last one first; each is tried, also when another fails. What is undone already is left
 * as it is, so that it may be asked for again. Functions of the workflow's own have no undo: what is to be undone is an action.
 */
export async function rollBackSteps({ record, workshop, shelf }: KindContext): Promise<void> {
  const problems: string[] = [];
  const steps = [...placed(await shelf.load()), ...placed(record.steps ?? [])];
  for (const { child, ref } of steps.sort((a, b) => b.place - a.place)) {
    if (child === undefined) continue;
    const error = await workshop.rollBack(child);
    if (error !== undefined) problems.push(`step '${ref}': ${error.message}`);
  }
  if (problems.length > 0) throw new Error(problems.join("; "));
}
