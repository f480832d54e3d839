import { calledBy } from "@jetmesh/flight-plan";
import { requirementCycle } from "@jetmesh/lifecycle";
import { type Definition, definitionKey, type Fault } from "@jetmesh/protocol";
import type { BatchMember } from "@jetmesh/storage";
import type { Deps } from "./deps.ts";
import { type ParsedDocument, refuseFaults } from "./parse-documents.ts";

type Named = Definition & { readonly kind: "Template" | "Plan" };
interface Circle<K extends Named["kind"]> {
  readonly kind: K;
  /** What one of them goes on to. */
  names(one: Extract<Named, { kind: K }>): readonly string[];
  /** Where it says so. */
  pathTo(one: Extract<Named, { kind: K }>, first: string): (string | number)[];
  readonly message: (reference: string) => string;
}

const REQUIRED: Circle<"Template"> = {
  kind: "Template",
  names: ({ requires }) => requires.map(({ template }) => template),
  pathTo({ requires }, first) {
    const at = requires.findIndex(({ template }) => template === first);
    return at === -1 ? ["requires"] : ["requires", at, "template"];
  },
  // The others on the way are not named: the writer may not see them.
  message: (reference) => `template '${reference}' would require itself`,
};
const CALLED: Circle<"Plan"> = {
  kind: "Plan",
  names: calledBy,
  pathTo: () => ["steps"],
  message: (reference) => `plan '${reference}' would call itself`,
};

/**
 * Refuses templates that would require themselves and plans that would call themselves, over others or not. Gives every
 * definition on the way that is not written itself, at the revision at which it was looked at: written again in the same
 * batch, so that two who apply at once cannot close a circle together.
 */
export async function checkCycles(
  deps: Pick<Deps, "store">,
  documents: readonly ParsedDocument[],
  wanted: readonly Definition[],
): Promise<BatchMember[] | undefined> {
  const templates = await checkCircle(deps, documents, wanted, REQUIRED);
  const plans = await checkCircle(deps, documents, wanted, CALLED);
  return templates === undefined ? plans : [...templates, ...(plans ?? [])];
}

async function checkCircle<K extends Named["kind"]>(
  { store }: Pick<Deps, "store">,
  documents: readonly ParsedDocument[],
  wanted: readonly Definition[],
  circle: Circle<K>,
): Promise<BatchMember[] | undefined> {
  type One = Extract<Named, { kind: K }>;
  const isOne = (definition: ParsedDocument["definition"]): definition is One =>
    definition.kind === circle.kind;
  const written = new Map(wanted.filter(isOne).map((one): [string, One] => [one.reference, one]));
  const beginning = [...written.values()].filter((one) => circle.names(one).length > 0);
  if (beginning.length === 0) return undefined;
  const others = new Map<string, One>();
  const unchanged: BatchMember[] = [];
  const known = (reference: string): One | undefined => written.get(reference) ?? others.get(reference);
  const namedBy = (all: readonly One[]): string[] => all.flatMap((one) => [...circle.names(one)]);
  for (let front = namedBy(beginning); front.length > 0; ) {
    const next: One[] = [];
    for (const reference of new Set(front)) {
      if (known(reference) !== undefined) continue;
      const key = definitionKey(circle.kind, reference);
      const stored = await store.definitions.get(key);
      if (stored.kind !== "record" || !isOne(stored.value.definition)) continue;
      others.set(reference, stored.value.definition);
      unchanged.push({ key, value: stored.value, expected: stored.revision });
      next.push(stored.value.definition);
    }
    front = namedBy(next);
  }
  const namesOf = (reference: string): string[] => namedBy([known(reference)].flatMap((one) => one ?? []));
  const faults = documents.flatMap(({ definition, index, source }): Fault[] => {
    if (!isOne(definition)) return [];
    const [, first] = requirementCycle(definition.reference, namesOf) ?? [];
    if (first === undefined) return [];
    return [
      {
        document: index,
        path: circle.pathTo(definition, first),
        message: circle.message(definition.reference),
        ...(source === undefined ? {} : { source }),
      },
    ];
  });
  if (faults.length > 0) throw refuseFaults(faults);
  return unchanged;
}
