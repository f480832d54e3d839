import { type DefinitionKind, definitionKey, type Fault } from "@jetmesh/protocol";
import type { Deps } from "./deps.ts";
import { type ParsedDocument, refuseFaults } from "./parse-documents.ts";

/** Every state, plan and template that a document names must be in the same request or on the mesh already. */
export async function checkReferences(
  deps: Pick<Deps, "store">,
  documents: readonly ParsedDocument[],
): Promise<void> {
  const here = new Set(documents.map(({ definition }) => `${definition.kind}.${definition.reference}`));
  const known = new Map<string, boolean>();
  const exists = async (kind: DefinitionKind, reference: string): Promise<boolean> => {
    const key = `${kind}.${reference}`;
    if (here.has(key)) return true;
    let found = known.get(key);
    if (found === undefined) {
      found = (await deps.store.definitions.get(definitionKey(kind, reference))).kind === "record";
      known.set(key, found);
    }
    return found;
  };
  const faults: Fault[] = [];
  for (const { definition, index, source } of documents) {
    const need = async (
      kind: DefinitionKind,
      reference: string | undefined,
      path: (string | number)[],
    ): Promise<void> => {
      if (reference === undefined || (await exists(kind, reference))) return;
      faults.push({
        document: index,
        path,
        message: `there is no ${kind.toLowerCase()} '${reference}'`,
        ...(source === undefined ? {} : { source }),
      });
    };
    if (definition.kind === "Jet") await need("Template", definition.template, ["template"]);
    if (definition.kind !== "Template") continue;
    for (const [at, action] of definition.actions.entries()) {
      await need("State", action.from, ["actions", at, "from"]);
      await need("State", action.transit, ["actions", at, "transit"]);
      await need("State", action.to, ["actions", at, "to"]);
      await need("State", action.error, ["actions", at, "error"]);
      await need("Plan", action.plan, ["actions", at, "plan"]);
    }
  }
  if (faults.length > 0) throw refuseFaults(faults);
}
