import {
  type AccessCheck,
  type DefinitionKind,
  definitionKey,
  type Fault,
  type InnerStep,
  type PlanDefinition,
  type StoredDefinition,
} from "@jetmesh/protocol";
import { askAccess } from "@jetmesh/service-kit";
import type { Stored } from "@jetmesh/storage";
import type { Deps } from "./deps.ts";
import { type ParsedDocument, refuseFaults } from "./parse-documents.ts";

interface Need {
  readonly document: ParsedDocument;
  readonly kind: DefinitionKind;
  readonly reference: string;
  readonly path: (string | number)[];
}

/**
 * Every state, plan and template that a document names must be in the same request, or on the mesh already and for the
 * user to see: what is hidden is told in the same words as what is not there. Gives what is on the mesh, as it was looked at.
 */
export async function checkReferences(
  deps: Pick<Deps, "store" | "connection" | "names">,
  user: string,
  documents: readonly ParsedDocument[],
): Promise<ReadonlyMap<string, Stored<StoredDefinition>>> {
  const here = new Set(documents.map(({ definition }) => `${definition.kind}.${definition.reference}`));
  const needs = documents.flatMap(needsOf);
  const unknown = new Map<string, Need>();
  for (const need of needs) {
    const key = `${need.kind}.${need.reference}`;
    if (!here.has(key)) unknown.set(key, need);
  }
  const asked = [...unknown.values()];
  const stored = await Promise.all(
    asked.map(({ kind, reference }) => deps.store.definitions.get(definitionKey(kind, reference))),
  );
  const verdicts = await askAccess(
    deps,
    asked.map(
      ({ kind, reference }): AccessCheck => ({ operation: "definition.read", user, kind, reference }),
    ),
  );
  const missing = new Set(
    [...unknown.keys()].filter(
      (_, index) => stored[index]?.kind !== "record" || verdicts[index]?.allow !== true,
    ),
  );
  const faults = needs
    .filter(({ kind, reference }) => missing.has(`${kind}.${reference}`))
    .map(
      ({ document: { index, source }, kind, reference, path }): Fault => ({
        document: index,
        path,
        message: `there is no ${kind.toLowerCase()} '${reference}'`,
        ...(source === undefined ? {} : { source }),
      }),
    );
  if (faults.length > 0) throw refuseFaults(faults);
  return new Map(
    asked.flatMap(({ kind, reference }, index) => {
      const found = stored[index];
      return found === undefined ? [] : [[definitionKey(kind, reference), found] as const];
    }),
  );
}

/** The keys of what a definition names. */
export const namedKeys = (definition: ParsedDocument["definition"]): Set<string> =>
  new Set(
    needsOf({ definition, index: 0, source: undefined }).map(({ kind, reference }) =>
      definitionKey(kind, reference),
    ),
  );

function needsOf(document: ParsedDocument): Need[] {
  const { definition } = document;
  const need = (kind: DefinitionKind, reference: string | undefined, path: (string | number)[]): Need[] =>
    reference === undefined ? [] : [{ document, kind, reference, path }];
  if (definition.kind === "Jet") return need("Template", definition.template, ["template"]);
  if (definition.kind === "Plan") return planNeeds(definition, need);
  if (definition.kind !== "Template") return [];
  const required = definition.requires.flatMap(({ template, state }, at) => [
    ...need("Template", template, ["requires", at, "template"]),
    ...need("State", state, ["requires", at, "state"]),
  ]);
  const ofActions = definition.actions.flatMap((action, at) => [
    ...need("State", action.from, ["actions", at, "from"]),
    ...need("State", action.transit, ["actions", at, "transit"]),
    ...need("State", action.to, ["actions", at, "to"]),
    ...need("State", action.error, ["actions", at, "error"]),
    ...need("Plan", action.plan, ["actions", at, "plan"]),
    ...(action.limits ?? []).flatMap((limit, index) =>
      need("Limit", limit, ["actions", at, "limits", index]),
    ),
  ]);
  return [...required, ...ofActions];
}

/** Plans that its steps call, and templates whose jets they trigger. */
function planNeeds(
  plan: PlanDefinition,
  need: (kind: DefinitionKind, reference: string | undefined, path: (string | number)[]) => Need[],
): Need[] {
  const ofStep = (step: InnerStep, path: (string | number)[]): Need[] => [
    ...need("Plan", step.plan?.reference, [...path, "plan"]),
    ...need("Template", step.jet?.template, [...path, "jet", "template"]),
  ];
  const ofSteps = (["steps", "finally"] as const).flatMap((list) =>
    plan[list].flatMap((step, at) => [
      ...ofStep(step, [list, at]),
      ...(step.parallel ?? []).flatMap((one, index) => ofStep(one, [list, at, "parallel", index])),
    ]),
  );
  return [...(plan.limits ?? []).flatMap((limit, at) => need("Limit", limit, ["limits", at])), ...ofSteps];
}
