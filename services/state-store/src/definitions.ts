import {
  DEFINITION_PATTERN,
  type Definition,
  definitionKey,
  type LimitDefinition,
  type Names,
  type PlanDefinition,
  StoredDefinition,
  type TemplateDefinition,
  type Variables,
  type VariablesDefinition,
} from "@jetmesh/protocol";
import { type Connection, follow, type MeshStore, parseJson } from "@jetmesh/storage";

/**
 * Templates, plans, limits and the mesh's variables: a followed copy for the common case, the leader where a refusal would rest
 * on it.
 */
export interface Definitions {
  template(reference: string, fresh: boolean): Promise<TemplateDefinition | undefined>;
  plan(reference: string, fresh: boolean): Promise<PlanDefinition | undefined>;
  limit(reference: string, fresh: boolean): Promise<LimitDefinition | undefined>;
  /** All of them, as the copy has them. */
  templates(): readonly TemplateDefinition[];
  plans(): readonly PlanDefinition[];
  variableSets(): readonly VariablesDefinition[];
  /** What all plans see. */
  meshVariables(): Variables;
  limits(): readonly LimitDefinition[];
  readonly ready: Promise<void>;
  /** Waits until the copy has what is written by now: whoever applies finds it in force at once. */
  catchUp(): Promise<boolean>;
  stop(): Promise<void>;
}

const KEPT = ["Template", "Plan", "Limit", "Variables"] as const;
type Kept = (typeof KEPT)[number];
const isKept = (kind: Definition["kind"]): kind is Kept => (KEPT as readonly string[]).includes(kind);

export function followDefinitions(
  connection: Connection,
  names: Names,
  store: MeshStore,
  onProblem: (problem: string) => void,
  onLimits: () => void,
): Definitions {
  const copies = new Map<string, Definition>();
  /** Of each kind, made once between two changes: limits are asked for at every action that is made. */
  const lists = new Map<Kept, readonly Definition[]>();
  let merged: Variables | undefined;
  const follower = follow(connection, names, {
    bucket: names.buckets.definitions,
    keys: DEFINITION_PATTERN,
    onProblem,
    onChange: (change) => {
      copies.delete(change.key);
      lists.clear();
      merged = undefined;
      if (!change.exists) return;
      const { definition } = StoredDefinition.parse(parseJson(change.data));
      if (isKept(definition.kind)) copies.set(change.key, definition);
      if (definition.kind === "Limit" || definition.kind === "Plan") onLimits();
    },
  });

  const load = async <K extends "Template" | "Plan" | "Limit">(
    kind: K,
    reference: string,
    fresh: boolean,
  ): Promise<Extract<Definition, { kind: K }> | undefined> => {
    const key = definitionKey(kind, reference);
    const copy = fresh ? undefined : copies.get(key);
    let found = copy;
    if (found === undefined) {
      const stored = await store.definitions.get(key);
      found = stored.kind === "record" ? stored.value.definition : undefined;
    }
    return found?.kind === kind ? (found as Extract<Definition, { kind: K }>) : undefined;
  };

  const all = <K extends Kept>(kind: K): readonly Extract<Definition, { kind: K }>[] => {
    const list = lists.get(kind) ?? [...copies.values()].filter((one) => one.kind === kind);
    lists.set(kind, list);
    return list as readonly Extract<Definition, { kind: K }>[];
  };

  return {
    template: (reference, fresh) => load("Template", reference, fresh),
    plan: (reference, fresh) => load("Plan", reference, fresh),
    limit: (reference, fresh) => load("Limit", reference, fresh),
    limits: () => all("Limit"),
    templates: () => all("Template"),
    plans: () => all("Plan"),
    variableSets: () => all("Variables"),
    meshVariables: () => (merged ??= mergedOf(all("Variables"))),
    ready: follower.ready,
    catchUp: () => follower.catchUp(2_000),
    stop: () => follower.stop(),
  };
}

/** Where two sets that came at once name the same, the first by reference counts. */
const mergedOf = (sets: readonly VariablesDefinition[]): Variables =>
  Object.assign(
    {},
    ...sets.toSorted((a, b) => (a.reference < b.reference ? 1 : -1)).map(({ variables }) => variables),
  ) as Variables;
