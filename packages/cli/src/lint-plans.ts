import { calledBy, planFaults, planTree } from "@jetmesh/flight-plan";
import { type PlanDefinition, parseDefinition } from "@jetmesh/protocol";
import { formatPath, type PlacedFault, type SourceDocument } from "./yaml-documents.ts";

/** Lints every plan among the documents as `apply` would, without a mesh: also which plans are called, and whether in a circle. */
export function lintPlans(
  documents: readonly SourceDocument[],
  { isWhole }: { readonly isWhole: boolean },
): PlacedFault[] {
  const found: PlacedFault[] = [];
  const add = (at: SourceDocument, path: readonly (string | number)[], message: string): void =>
    void found.push({ source: at.source, line: at.lineOf(path, message), path: formatPath(path), message });
  const plans = new Map<string, { readonly at: SourceDocument; readonly plan: PlanDefinition }>();
  for (const at of documents) {
    const { definition, faults } = parseDefinition(at.document);
    for (const { path, message } of faults) add(at, path, message);
    if (definition?.kind !== "Plan") continue;
    plans.set(definition.reference, { at, plan: definition });
    for (const { path, message } of planFaults(definition)) add(at, path, message);
  }
  const known = Object.fromEntries([...plans].map(([reference, { plan }]) => [reference, plan]));
  for (const { at, plan } of plans.values()) {
    const missing = calledBy(plan).filter((reference) => known[reference] === undefined);
    if (isWhole) for (const reference of missing) add(at, ["steps"], `there is no plan '${reference}'`);
    if (missing.length > 0) continue;
    try {
      planTree(plan, known);
    } catch (thrown) {
      // A plan that is missing further down is a finding of the one that calls it.
      const message = thrown instanceof Error ? thrown.message : String(thrown);
      if (!message.startsWith("there is no plan")) add(at, ["steps"], message);
    }
  }
  return found;
}
