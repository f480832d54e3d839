import { requirementCycle } from "@jetmesh/lifecycle";
import { type Definition, definitionKey, type Fault, type TemplateDefinition } from "@jetmesh/protocol";
import type { BatchMember } from "@jetmesh/storage";
import type { Deps } from "./deps.ts";
import { type ParsedDocument, refuseFaults } from "./parse-documents.ts";

/**
 * Refuses templates that would require themselves, over others or not. Gives every template that the wanted ones require
 * and that is not written itself, at the revision at which it was looked at: written again in the same batch, so that two
 * who apply at once cannot close a circle together.
 */
export async function checkCycles(
  { store }: Pick<Deps, "store">,
  documents: readonly ParsedDocument[],
  wanted: readonly Definition[],
): Promise<BatchMember[] | undefined> {
  const templates = new Map(
    wanted.flatMap((one) => (one.kind === "Template" ? [[one.reference, one] as const] : [])),
  );
  const requiring = [...templates.values()].filter(({ requires }) => requires.length > 0);
  if (requiring.length === 0) return undefined;
  const others = new Map<string, TemplateDefinition>();
  const unchanged: BatchMember[] = [];
  const known = (reference: string): TemplateDefinition | undefined =>
    templates.get(reference) ?? others.get(reference);
  const requiredBy = (all: readonly TemplateDefinition[]): string[] =>
    all.flatMap(({ requires }) => requires.map(({ template }) => template));
  for (let front = requiredBy(requiring); front.length > 0; ) {
    const next: TemplateDefinition[] = [];
    for (const reference of new Set(front)) {
      if (known(reference) !== undefined) continue;
      const key = definitionKey("Template", reference);
      const stored = await store.definitions.get(key);
      if (stored.kind !== "record" || stored.value.definition.kind !== "Template") continue;
      others.set(reference, stored.value.definition);
      unchanged.push({ key, value: stored.value, expected: stored.revision });
      next.push(stored.value.definition);
    }
    front = requiredBy(next);
  }
  const requiresOf = (template: string): string[] =>
    requiredBy([known(template)].flatMap((one) => one ?? []));
  const faults = documents.flatMap(({ definition, index, source }): Fault[] => {
    if (definition.kind !== "Template") return [];
    const [, first] = requirementCycle(definition.reference, requiresOf) ?? [];
    if (first === undefined) return [];
    const at = definition.requires.findIndex(({ template }) => template === first);
    return [
      {
        document: index,
        path: at === -1 ? ["requires"] : ["requires", at, "template"],
        // The others on the way are not named: the writer may not see them.
        message: `template '${definition.reference}' would require itself`,
        ...(source === undefined ? {} : { source }),
      },
    ];
  });
  if (faults.length > 0) throw refuseFaults(faults);
  return unchanged;
}
