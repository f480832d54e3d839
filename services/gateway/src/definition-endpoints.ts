import {
  API_VERSION,
  DEFINITION_KEYS,
  type Definition,
  type DefinitionKind,
  definitionKey,
  type ImportReply,
  type RequestOf,
} from "@jetmesh/protocol";
import { askAccess, mustBeAllowed, RefusedError } from "@jetmesh/service-kit";
import { scan } from "@jetmesh/storage";
import type { GatewayDeps } from "./deps.ts";
import { handOver } from "./hand-over.ts";
import { collect, type Page } from "./pages.ts";
import { onlyOne, seenDefinitions } from "./views.ts";

/** Endpoints of one kind of definition. */
export async function applyDefinition(
  deps: GatewayDeps,
  user: string,
  definition: Definition,
): Promise<Definition> {
  const request = { documents: [{ document: { apiVersion: API_VERSION, ...definition } }], dryRun: false };
  await handOver<ImportReply>(deps, "state-store.import", { v: 1, user, request });
  return definition;
}

export async function getDefinition(
  deps: GatewayDeps,
  user: string,
  kind: DefinitionKind,
  reference: string,
): Promise<Definition> {
  await mustBeAllowed(deps, { operation: "definition.read", user, kind, reference });
  const stored = await deps.store.definitions.get(definitionKey(kind, reference));
  if (stored.kind !== "record")
    throw new RefusedError(
      `unknown_${DEFINITION_KEYS[kind]}`,
      `there is no ${kind.toLowerCase()} '${reference}'`,
    );
  return onlyOne(await seenDefinitions(deps, user, [stored.value.definition]));
}

/** Judged by the state-store, for what goes with it and what names it hang on what is stored. */
export function deleteDefinition(
  deps: GatewayDeps,
  user: string,
  kind: DefinitionKind,
  reference: string,
): Promise<{ readonly kind: DefinitionKind; readonly reference: string }> {
  const verb = "state-store.definition-delete";
  return handOver<{ kind: DefinitionKind; reference: string }, typeof verb>(deps, verb, {
    v: 1,
    user,
    kind,
    reference,
  });
}

export function listDefinitions(
  deps: GatewayDeps,
  user: string,
  kind: DefinitionKind,
  request: RequestOf<"template.list">,
): Promise<Page<Definition>> {
  const { names, store, connection } = deps;
  return collect(request, {
    read: (cursor, most, visit) =>
      scan(
        connection,
        names,
        names.buckets.definitions,
        { keys: `${DEFINITION_KEYS[kind]}.*`, cursor, most },
        visit,
      ),
    parse: (change) => {
      const stored = store.definitions.parse(change.data);
      return stored.kind === "record" ? stored.value.definition : undefined;
    },
    allow: async (found) => {
      const answers = await askAccess(
        deps,
        found.map(({ reference }) => ({ operation: "definition.read", user, kind, reference })),
      );
      return answers.map(({ allow }) => allow);
    },
    show: (found) => seenDefinitions(deps, user, found),
  });
}
