import { isDeepStrictEqual } from "node:util";
import { incarnationOf, newJet } from "@jetmesh/lifecycle";
import {
  type Definition,
  definitionKey,
  type ImportReply,
  type ImportRequest,
  type JetDefinition,
} from "@jetmesh/protocol";
import { askAccess, RefusedError } from "@jetmesh/service-kit";
import { swapBatch } from "@jetmesh/storage";
import { checkReferences } from "./check-references.ts";
import type { Deps } from "./deps.ts";
import { type ParsedDocument, parseDocuments } from "./parse-documents.ts";

type Change = ImportReply["items"][number]["change"];

/**
 * Applies documents, all or none: every fault of every document is found first, then the definitions are
 * written as one batch at the revisions that were read. Jets live in a bucket of their own and follow; each is a
 * write of its own, made again by applying again (ADR 0006).
 */
export async function applyDocuments(deps: Deps, user: string, request: ImportRequest): Promise<ImportReply> {
  const documents = parseDocuments(request);
  await checkAccess(deps, user, documents);
  await checkReferences(deps, documents);
  const definitions = documents.filter(
    (one): one is ParsedDocument & { definition: Definition } => one.definition.kind !== "Jet",
  );
  const jets = documents
    .map(({ definition }) => definition)
    .filter((one): one is JetDefinition => one.kind === "Jet");
  const changes = new Map<string, Change>();
  await applyDefinitions(
    deps,
    definitions.map(({ definition }) => definition),
    changes,
    request.dryRun,
  );
  for (const jet of jets) changes.set(`Jet.${jet.reference}`, await applyJet(deps, jet, request.dryRun));
  return {
    items: documents.map(({ definition: { kind, reference } }) => ({
      kind,
      reference,
      change: changes.get(`${kind}.${reference}`) ?? "unchanged",
    })),
  };
}

async function checkAccess(deps: Deps, user: string, documents: readonly ParsedDocument[]): Promise<void> {
  const checks = await Promise.all(
    documents.map(async ({ definition }) => {
      if (definition.kind !== "Jet")
        return {
          operation: "definition.write",
          user,
          kind: definition.kind,
          reference: definition.reference,
        } as const;
      const stored = await deps.store.jets.get(definition.reference);
      const isThere = stored.kind === "record" && stored.value.destroyedAt === undefined;
      return isThere
        ? ({ operation: "jet.update", user, jet: definition.reference } as const)
        : ({ operation: "jet.create", user, template: definition.template } as const);
    }),
  );
  const verdicts = await askAccess(deps, checks);
  for (const [index, verdict] of verdicts.entries()) {
    if (verdict.allow) continue;
    // A jet of a template that comes in the same file cannot be judged by what is stored: who may write one may use it.
    const document = documents[index]?.definition;
    const comesAlong =
      document?.kind === "Jet" &&
      documents.some(
        ({ definition }) => definition.kind === "Template" && definition.reference === document.template,
      );
    if (comesAlong && verdict.code === "unknown_template") continue;
    throw new RefusedError(verdict.code, verdict.message);
  }
}

const MAX_TRIES = 5;

async function applyDefinitions(
  deps: Deps,
  definitions: readonly Definition[],
  changes: Map<string, Change>,
  dryRun: boolean,
): Promise<void> {
  const { store, connection, names } = deps;
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const members: { key: string; value: unknown; expected: number }[] = [];
    for (const definition of definitions) {
      const key = definitionKey(definition.kind, definition.reference);
      const stored = await store.definitions.get(key);
      if (stored.kind === "unreadable") throw unreadable(key, stored.why);
      const is = stored.kind === "record" ? stored.value.definition : undefined;
      const isSame = isDeepStrictEqual(is, definition);
      changes.set(
        `${definition.kind}.${definition.reference}`,
        isSame ? "unchanged" : is === undefined ? "created" : "updated",
      );
      if (!isSame)
        members.push({
          key,
          value: { v: 1, definition },
          expected: stored.kind === "absent" ? 0 : stored.revision,
        });
    }
    if (members.length === 0 || dryRun) return;
    if ((await swapBatch(connection, names, names.buckets.definitions, members)) === "written") {
      await deps.definitions.catchUp();
      return;
    }
  }
  throw new RefusedError("conflict", "the definitions were changed by somebody else meanwhile; apply again");
}

/** Written over it would be lost what somebody may still be able to read. */
const unreadable = (key: string, why: string): Error =>
  new Error(`the record of '${key}' cannot be read: ${why}`);

/** Sets template, users, managers and variables of a jet, never its state; makes it without one where it is not there. */
async function applyJet(deps: Deps, definition: JetDefinition, dryRun: boolean): Promise<Change> {
  const { reference, name, template, users, managers, pool, variables } = definition;
  return deps.lanes.run(reference, async () => {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const stored = await deps.store.jets.get(reference);
      if (stored.kind === "unreadable") throw unreadable(reference, stored.why);
      const is =
        stored.kind === "record" && stored.value.destroyedAt === undefined ? stored.value : undefined;
      const found = await deps.definitions.template(template, true);
      if (found === undefined && !dryRun)
        throw new RefusedError("unknown_template", `there is no template '${template}'`);
      if (found === undefined) return is === undefined ? "created" : "updated";
      const now = deps.clock.now();
      const base = is ?? newJet({ reference, name, template: found, users, managers, pool, variables }, now);
      const { pool: _pool, ...rest } = base;
      const next = {
        ...rest,
        name,
        template,
        users,
        managers,
        variables,
        ...(pool === undefined ? {} : { pool }),
      };
      if (is !== undefined && isDeepStrictEqual(next, is)) return "unchanged";
      if (is !== undefined && is.template !== template && is.open !== undefined) {
        throw new RefusedError(
          "jet_busy",
          `jet '${reference}' cannot change its template while an action is open`,
        );
      }
      const change = is === undefined ? "created" : "updated";
      if (dryRun) return change;
      const expected = stored.kind === "absent" ? 0 : stored.revision;
      const incarnation = is === undefined ? 0 : incarnationOf(is, expected);
      const written = await deps.store.jets.swap(
        reference,
        { ...next, incarnation, changedAt: new Date(now).toISOString() },
        expected,
        { point: "jet.apply" },
      );
      deps.jets.drop(reference);
      if (written.kind === "written") return change;
    }
    throw new RefusedError("conflict", `jet '${reference}' is changed too often just now`);
  });
}
