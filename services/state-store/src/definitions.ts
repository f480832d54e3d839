import {
  DEFINITION_PATTERN,
  type Definition,
  definitionKey,
  type LimitDefinition,
  type Names,
  type PlanDefinition,
  StoredDefinition,
  type TemplateDefinition,
} from "@jetmesh/protocol";
import { type Connection, follow, type MeshStore, parseJson } from "@jetmesh/storage";

/** Templates, plans and limits: a followed copy for the common case, the leader where a refusal would rest on it. */
export interface Definitions {
  template(reference: string, fresh: boolean): Promise<TemplateDefinition | undefined>;
  plan(reference: string, fresh: boolean): Promise<PlanDefinition | undefined>;
  limit(reference: string, fresh: boolean): Promise<LimitDefinition | undefined>;
  /** All of them, as the copy has them. */
  templates(): TemplateDefinition[];
  plans(): PlanDefinition[];
  limits(): LimitDefinition[];
  readonly ready: Promise<void>;
  /** Waits until the copy has what is written by now: whoever applies finds it in force at once. */
  catchUp(): Promise<boolean>;
  stop(): Promise<void>;
}

type Copied = Extract<Definition, { kind: "Template" | "Plan" | "Limit" }>;
const isCopied = (one: Definition): one is Copied =>
  one.kind === "Template" || one.kind === "Plan" || one.kind === "Limit";

export function followDefinitions(
  connection: Connection,
  names: Names,
  store: MeshStore,
  onProblem: (problem: string) => void,
  onLimits: () => void,
): Definitions {
  const copies = new Map<string, Definition>();
  const follower = follow(connection, names, {
    bucket: names.buckets.definitions,
    keys: DEFINITION_PATTERN,
    onProblem,
    onChange: (change) => {
      copies.delete(change.key);
      if (!change.exists) return;
      const { definition } = StoredDefinition.parse(parseJson(change.data));
      if (isCopied(definition)) copies.set(change.key, definition);
      if (definition.kind === "Limit" || definition.kind === "Plan") onLimits();
    },
  });

  const load = async <K extends Copied["kind"]>(
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

  return {
    template: (reference, fresh) => load("Template", reference, fresh),
    plan: (reference, fresh) => load("Plan", reference, fresh),
    limit: (reference, fresh) => load("Limit", reference, fresh),
    plans: () => [...copies.values()].filter((one) => one.kind === "Plan"),
    limits: () => [...copies.values()].filter((one) => one.kind === "Limit"),
    templates: () => [...copies.values()].filter((one) => one.kind === "Template"),
    ready: follower.ready,
    catchUp: () => follower.catchUp(2_000),
    stop: () => follower.stop(),
  };
}
