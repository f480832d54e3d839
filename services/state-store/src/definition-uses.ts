import {
  DEFINITION_KEYS,
  type DefinitionKind,
  definitionKey,
  type JetRecord,
  MAX_LIMIT,
  type TemplateDefinition,
  type Use,
} from "@jetmesh/protocol";
import { scanNewest, UnavailableError } from "@jetmesh/storage";
import { namedKeys } from "./check-references.ts";
import type { Deps } from "./deps.ts";

type Named = (string | undefined)[];

/** What a template names, by the kind that it is named as. */
const NAMED_BY_TEMPLATE: Readonly<Record<DefinitionKind, (template: TemplateDefinition) => Named>> = {
  State: ({ actions, requires }) => [
    ...actions.flatMap(({ from, transit, to, error }) => [from, transit, to, error]),
    ...requires.map(({ state }) => state),
  ],
  Plan: ({ actions }) => actions.map(({ plan }) => plan),
  Template: ({ requires }) => requires.map(({ template }) => template),
  // Who is listed anywhere would have these rights again, were somebody else given the name.
  User: ({ users, managers }) => [...users, ...managers],
  Schedule: () => [],
  Variables: () => [],
  Limit: ({ actions }) => actions.flatMap(({ limits = [] }) => limits),
};

/** The same of a jet. A plan that an open action goes by is part of that action. */
const NAMED_BY_JET: Readonly<Record<DefinitionKind, (jet: JetRecord) => Named>> = {
  State: ({ state, target, open }) => [state, target?.state, open?.from],
  Plan: () => [],
  Template: ({ template }) => [template],
  User: ({ users, managers }) => [...users, ...managers],
  Schedule: () => [],
  Variables: () => [],
  Limit: () => [],
};

export async function usingTemplates(
  { definitions }: Pick<Deps, "definitions">,
  kind: DefinitionKind,
  reference: string,
): Promise<Use[]> {
  // All that is written by now, for an answer rests on what is not there.
  if (!(await definitions.catchUp())) throw new UnavailableError("the definitions cannot be read");
  return definitions
    .templates()
    .filter((template) => NAMED_BY_TEMPLATE[kind](template).includes(reference))
    .map((template) => ({ kind: "Template", reference: template.reference }));
}

/** Plans that call it, or trigger jets of it. */
export const usingPlans = (
  { definitions }: Pick<Deps, "definitions">,
  kind: DefinitionKind,
  reference: string,
): Use[] =>
  kind === "Plan" || kind === "Template" || kind === "Limit"
    ? definitions
        .plans()
        .filter((plan) => namedKeys(plan).has(definitionKey(kind, reference)))
        .map((plan) => ({ kind: "Plan", reference: plan.reference }))
    : [];

/** Living jets that name it, of very many the first. */
export async function usingJets(
  { connection, names, store }: Pick<Deps, "connection" | "names" | "store">,
  kind: DefinitionKind,
  reference: string,
): Promise<Use[]> {
  if (kind === "Plan" || kind === "Schedule" || kind === "Variables" || kind === "Limit") return [];
  const found = await scanNewest(connection, names, names.buckets.jets, MAX_LIMIT, ({ key, data }) => {
    const stored = store.jets.parse(data);
    // One that cannot be read may name anything.
    const isUse =
      stored.kind === "unreadable" ||
      (stored.kind === "record" &&
        stored.value.destroyedAt === undefined &&
        NAMED_BY_JET[kind](stored.value).includes(reference));
    return isUse ? ({ kind: "Jet", reference: key } as const) : undefined;
  });
  return [...found.values()];
}

/** Schedules that a user owns: they would fire with the rights of whoever is given the name. */
export async function usingSchedules(
  { connection, names, store }: Pick<Deps, "connection" | "names" | "store">,
  kind: DefinitionKind,
  reference: string,
): Promise<Use[]> {
  if (kind !== "User") return [];
  const keys = `${DEFINITION_KEYS.Schedule}.*`;
  const found = await scanNewest(
    connection,
    names,
    names.buckets.definitions,
    MAX_LIMIT,
    ({ key, data }) => {
      const stored = store.definitions.parse(data);
      const isUse =
        stored.kind === "unreadable" || (stored.kind === "record" && stored.value.owner === reference);
      const named = key.slice(DEFINITION_KEYS.Schedule.length + 1);
      return isUse ? ({ kind: "Schedule", reference: named } as const) : undefined;
    },
    keys,
  );
  return [...found.values()];
}
