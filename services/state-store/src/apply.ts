import { isDeepStrictEqual } from "node:util";
import { timed } from "@jetmesh/lifecycle";
import {
  type Definition,
  definitionKey,
  type ImportReply,
  type ImportRequest,
  type JetDefinition,
  type PathChange,
  type ScheduleDefinition,
  type StoredDefinition,
  scheduleKey,
  slotsKey,
} from "@jetmesh/protocol";
import { askAccess, RefusedError } from "@jetmesh/service-kit";
import { type BatchMember, MAX_BATCH, type Stored, swapBatch } from "@jetmesh/storage";
import { applyJet } from "./apply-jet.ts";
import { armAsWritten } from "./arm-schedule.ts";
import { checkReferences, namedKeys } from "./check-references.ts";
import { checkVariables } from "./check-variables.ts";
import { checkCycles } from "./closed-circles.ts";
import type { Deps } from "./deps.ts";
import { diffOf } from "./diff.ts";
import { type JudgedApply, judgeApply } from "./judge-apply.ts";
import { type ParsedDocument, parseDocuments } from "./parse-documents.ts";

type DefinitionDocument = ParsedDocument & { readonly definition: Definition };
interface Outcome {
  readonly change: ImportReply["items"][number]["change"];
  /** Of a dry run. */
  readonly changes?: readonly PathChange[];
}

/** No jet and no template has such a name: changes of definitions go one at a time in this process. */
export const APPLY_LANE = "definitions.";

/**
 * Applies documents, all or none: every fault of every document is found first, then the definitions are
 * written as one batch at the revisions that were read. Jets live in a bucket of their own and follow; each is a
 * write of its own, made again by applying again (ADR 0006).
 */
export async function applyDocuments(deps: Deps, user: string, request: ImportRequest): Promise<ImportReply> {
  const documents = parseDocuments(request);
  const definitions = documents.filter((one): one is DefinitionDocument => one.definition.kind !== "Jet");
  const jets = documents
    .map(({ definition }) => definition)
    .filter((one): one is JetDefinition => one.kind === "Jet");
  await checkJets(deps, user, jets, definitions);
  const outcomes = await deps.lanes.run(APPLY_LANE, () =>
    applyDefinitions(deps, user, documents, definitions, request.dryRun),
  );
  for (const jet of jets) {
    const { change, before, after } = await applyJet(deps, user, jet, request.dryRun);
    const isShown = request.dryRun && before !== undefined && change === "updated";
    outcomes.set(
      `Jet.${jet.reference}`,
      isShown ? { change, changes: jetChanges(before, after) } : { change },
    );
  }
  return bounded(
    documents.map(({ definition: { kind, reference } }) => ({
      kind,
      reference,
      ...(outcomes.get(`${kind}.${reference}`) ?? { change: "unchanged" }),
    })),
  );
}

const jetChanges = (
  { name, template, users, managers, variables, pool }: Awaited<ReturnType<typeof applyJet>>["after"],
  after: Awaited<ReturnType<typeof applyJet>>["after"],
): PathChange[] =>
  diffOf({ name, template, users, managers, variables, pool }, { pool: undefined, ...after });

/** An answer must fit a message; whoever changes more than this reads no difference of all of it. */
const MOST_BYTES = 256 * 1024;

function bounded(items: readonly ({ kind: string; reference: string } & Outcome)[]): ImportReply {
  let left = MOST_BYTES;
  return {
    items: items.map(({ changes, ...item }) => {
      if (changes === undefined) return item;
      const shown = changes.filter((change) => (left -= JSON.stringify(change).length) >= 0);
      return { ...item, changes: shown, ...(shown.length < changes.length ? { isCut: true } : {}) };
    }),
  };
}

/**
 * Of a jet that is not there a new one is made; who gives one another template must be able to make jets of that. A name
 * is taken also by what may not be seen, which only who could have taken it is told.
 */
async function checkJets(
  deps: Deps,
  user: string,
  jets: readonly JetDefinition[],
  definitions: readonly DefinitionDocument[],
): Promise<void> {
  const stored = await Promise.all(jets.map(({ reference }) => deps.store.jets.get(reference)));
  const verdicts = await askAccess(
    deps,
    jets.flatMap(({ reference: jet, template }) => [
      { operation: "jet.update", user, jet } as const,
      { operation: "jet.create", user, template } as const,
    ]),
  );
  for (const [index, { reference, template }] of jets.entries()) {
    const at = stored[index];
    const is = at?.kind === "record" && at.value.destroyedAt === undefined ? at.value : undefined;
    const [update, create] = verdicts.slice(index * 2, index * 2 + 2);
    if (update === undefined || create === undefined) throw new Error("authz did not answer every check");
    // A template that comes in the same file cannot be judged by what is stored: who may write it may use it.
    const comesAlong = definitions.some(
      ({ definition: one }) => one.kind === "Template" && one.reference === template,
    );
    const making = !create.allow && comesAlong && create.code === "unknown_template" ? ALLOWED : create;
    const isHidden = is !== undefined && !update.allow && update.code === "unknown_jet";
    const needed =
      is === undefined || isHidden ? [making] : [update, ...(is.template === template ? [] : [making])];
    const denied = needed.find(({ allow }) => !allow);
    if (denied?.allow === false) throw new RefusedError(denied.code, denied.message);
    if (isHidden) throw new RefusedError("already_exists", `the name of jet '${reference}' is taken`);
  }
}

const ALLOWED = { allow: true } as const;
/** So many applies and deletes of the same things may be faster; then it is said to be a conflict. */
const MAX_TRIES = 20;

interface JudgedDefinitions extends JudgedApply {
  readonly stored: readonly Stored<StoredDefinition>[];
  /** What templates require and plans call: those, written again as they are, so that they are still as they were judged. */
  readonly unchanged: readonly BatchMember[] | undefined;
  /** What the documents name and do not hold, as it was looked at. */
  readonly named: ReadonlyMap<string, Stored<StoredDefinition>>;
}

async function judgeDefinitions(
  deps: Deps,
  user: string,
  all: readonly ParsedDocument[],
  documents: readonly DefinitionDocument[],
): Promise<JudgedDefinitions> {
  const definitions = documents.map(({ definition }) => definition);
  const keys = definitions.map(({ kind, reference }) => definitionKey(kind, reference));
  const stored = await Promise.all(keys.map((key) => deps.store.definitions.get(key)));
  const asked = definitions.map((definition, index) => {
    const at = stored[index];
    if (at?.kind === "unreadable") throw unreadable(keys[index] ?? "", at.why);
    return { definition, stored: at?.kind === "record" ? at.value : undefined };
  });
  const jets = all.flatMap(({ definition: one }) => (one.kind === "Jet" ? [one.reference] : []));
  const judged = await judgeApply(deps, user, asked, new Set(jets));
  const unchanged = await checkCycles(deps, documents, judged.wanted);
  await checkVariables(deps, documents);
  return { ...judged, stored, unchanged, named: await checkReferences(deps, user, all) };
}

async function applyDefinitions(
  deps: Deps,
  user: string,
  all: readonly ParsedDocument[],
  documents: readonly DefinitionDocument[],
  dryRun: boolean,
): Promise<Map<string, Outcome>> {
  const { connection, names } = deps;
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const judged = await judgeDefinitions(deps, user, all, documents);
    const outcomes = new Map<string, Outcome>();
    const members: BatchMember[] = [];
    /** Written again as they are: they must still be so when this is written. */
    const guards = new Map<string, BatchMember>();
    const looked = new Map(judged.named);
    const guard = (key: string): void => {
      const found = looked.get(key);
      if (found?.kind === "record") guards.set(key, { key, value: found.value, expected: found.revision });
    };
    const newlyNamed: string[] = [];
    for (const [index, definition] of judged.wanted.entries()) {
      const stored = judged.stored[index] ?? { kind: "absent" };
      const { kind, reference } = definition;
      const key = definitionKey(kind, reference);
      looked.set(key, stored);
      const is = stored.kind === "record" ? stored.value : undefined;
      const isSame = isDeepStrictEqual(is?.definition, definition);
      outcomes.set(`${kind}.${reference}`, {
        change: isSame ? "unchanged" : is === undefined ? "created" : "updated",
        ...(dryRun && is !== undefined && !isSame
          ? { changes: diffOf(judged.seen(is.definition), documents[index]?.definition) }
          : {}),
      });
      if (isSame) {
        // Looked at for circles of requirements: it must still be so.
        if (judged.unchanged !== undefined && kind === "Template") guard(key);
        continue;
      }
      const createdBy = is === undefined ? user : is.createdBy;
      members.push({
        key,
        value: {
          v: 1,
          definition,
          ...(createdBy === undefined ? {} : { createdBy }),
          // Whoever changes it answers for all of it.
          ...(kind === "Schedule" ? { owner: user } : {}),
        },
        expected: stored.kind === "absent" ? 0 : stored.revision,
      });
      members.push(...(await slotsAnew(deps, is?.definition, definition)));
      if (definition.kind === "Schedule") members.push(await recordAnew(deps, definition));
      // What it named before cannot have been deleted: that would have changed it, or have been refused.
      const before = is === undefined ? new Set<string>() : namedKeys(is.definition);
      newlyNamed.push(...[...namedKeys(definition)].filter((name) => !before.has(name)));
    }
    if (members.length === 0 || dryRun) return outcomes;
    // A delete of what is named here loses its race for it, or this one does (ADR 0028).
    for (const name of newlyNamed) guard(name);
    for (const member of judged.unchanged ?? []) guards.set(member.key, member);
    for (const { key } of members) guards.delete(key);
    const batch = [...members, ...guards.values()];
    if (batch.length > MAX_BATCH)
      throw new RefusedError("too_large", `one apply changes at most ${String(MAX_BATCH)} definitions`);
    if ((await swapBatch(connection, names, names.buckets.definitions, batch)) === "written") {
      await deps.definitions.catchUp();
      const schedules = judged.wanted.filter(({ kind }) => kind === "Schedule");
      await Promise.all(schedules.map(({ reference }) => armAsWritten(deps, reference)));
      return outcomes;
    }
  }
  throw new RefusedError("conflict", "the definitions were changed by somebody else meanwhile; apply again");
}

/** While a template had no limit nobody took slots: they are found anew. */
async function slotsAnew(
  { store }: Pick<Deps, "store">,
  is: Definition | undefined,
  wanted: Definition,
): Promise<BatchMember[]> {
  const before = is?.kind === "Template" ? is.limit : 0;
  if (wanted.kind !== "Template" || wanted.limit === 0 || before > 0) return [];
  const key = slotsKey(wanted.reference);
  const stored = await store.slots.get(key);
  const expected = stored.kind === "absent" ? 0 : stored.revision;
  return [{ key, value: { v: 1, isWhole: false, slots: [] }, expected }];
}

/** What is due next by the rule that is written, in the same write. */
async function recordAnew(
  { store, clock, instance }: Pick<Deps, "store" | "clock" | "instance">,
  definition: ScheduleDefinition,
): Promise<BatchMember> {
  const key = scheduleKey(definition.reference);
  const stored = await store.schedules.get(key);
  if (stored.kind === "unreadable") throw unreadable(key, stored.why);
  const is = stored.kind === "record" ? stored.value : undefined;
  return {
    key,
    value: timed(definition, is, instance, clock.now()),
    expected: stored.kind === "absent" ? 0 : stored.revision,
  };
}

/** Written over it would be lost what somebody may still be able to read. */
const unreadable = (key: string, why: string): Error =>
  new Error(`the record of '${key}' cannot be read: ${why}`);
