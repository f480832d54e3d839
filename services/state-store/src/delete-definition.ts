import { toInstant } from "@jetmesh/lifecycle";
import {
  DEFINITION_KEYS,
  type DefinitionKind,
  definitionKey,
  type StoredDefinition,
  scheduleKey,
  slotsKey,
  type Use,
} from "@jetmesh/protocol";
import { askAccess, askSight, RefusedError } from "@jetmesh/service-kit";
import { type BatchMember, swapBatch } from "@jetmesh/storage";
import { APPLY_LANE } from "./apply.ts";
import { armAsWritten } from "./arm-schedule.ts";
import { usingJets, usingPlans, usingSchedules, usingTemplates } from "./definition-uses.ts";
import type { Deps } from "./deps.ts";
import { dropSecrets } from "./secrets.ts";

interface Deleted {
  readonly kind: DefinitionKind;
  readonly reference: string;
}

const MAX_TRIES = 10;

/**
 * Takes a definition away that nothing names (ADR 0028). Races are lost, never won by both:
 *
 * - an apply that comes to name it writes it again in its batch, at the revision that it saw: so either its batch or this
 *   compare-and-swap is a conflict, and is judged again;
 * - a jet that is made of a template lies in another bucket, which no batch reaches. So a template is marked before its jets
 *   are looked for, and who makes one looks again after its own write: either the jet is found here, or the mark there.
 */
export function deleteDefinition(
  deps: Deps,
  user: string,
  kind: DefinitionKind,
  reference: string,
): Promise<Deleted> {
  const key = definitionKey(kind, reference);
  // One at a time in this process, so that only other processes are raced.
  return deps.lanes.run(APPLY_LANE, async () => {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const stored = await deps.store.definitions.get(key);
      if (stored.kind === "unreadable")
        throw new Error(`the record of '${key}' cannot be read: ${stored.why}`);
      await judge(deps, user, kind, reference, stored.kind === "record" ? stored.value : undefined);
      if (stored.kind !== "record")
        throw new RefusedError(
          `unknown_${DEFINITION_KEYS[kind]}`,
          `there is no ${kind.toLowerCase()} '${reference}'`,
        );
      const uses = [
        ...(await usingTemplates(deps, kind, reference)),
        ...usingPlans(deps, kind, reference),
        ...(await usingJets(deps, kind, reference)),
        ...(await usingSchedules(deps, kind, reference)),
      ];
      if (uses.length > 0) throw await inUse(deps, user, kind, reference, uses);
      const revision =
        kind === "Template"
          ? await markUnused(deps, user, reference, stored)
          : { kind: "unused" as const, revision: stored.revision };
      if (revision.kind === "in_use") throw await inUse(deps, user, kind, reference, revision.uses);
      if (revision.kind === "conflict") continue;
      const members: BatchMember[] = [{ key, value: undefined, expected: revision.revision }];
      // While it is marked: nobody sets another, and one that is made anew under its name has none of these.
      if (kind === "Template") await dropSecrets(deps, { template: reference });
      if (kind === "Template") members.push(...(await itsSlots(deps, reference)));
      if (kind === "Schedule") members.push(...(await itsRecord(deps, reference)));
      const { connection, names } = deps;
      if (
        (await swapBatch(connection, names, names.buckets.definitions, members, "definition.delete")) ===
        "written"
      ) {
        await deps.definitions.catchUp();
        if (kind === "Schedule") await armAsWritten(deps, reference);
        return { kind, reference };
      }
    }
    throw new RefusedError("conflict", `${kind.toLowerCase()} '${reference}' is changed too often just now`);
  });
}

/** Of a template each of its actions goes with it, and takes the right to delete that. */
async function judge(
  deps: Deps,
  user: string,
  kind: DefinitionKind,
  reference: string,
  stored: StoredDefinition | undefined,
): Promise<void> {
  const actions = stored?.definition.kind === "Template" ? stored.definition.actions : [];
  const [own, ...others] = await askAccess(deps, [
    { operation: "definition.delete", user, kind, reference },
    ...actions.map(
      ({ reference: action }) => ({ operation: "action.delete", user, template: reference, action }) as const,
    ),
  ]);
  if (own?.allow === false) throw new RefusedError(own.code, own.message);
  // Which action it is is not said: it may be one that is hidden.
  if (others.some(({ allow }) => !allow))
    throw new RefusedError("forbidden", `'${user}' may not delete every action of template '${reference}'`);
}

type Marked =
  | { readonly kind: "unused"; readonly revision: number }
  | { readonly kind: "in_use"; readonly uses: readonly Use[] }
  | { readonly kind: "conflict" };

async function markUnused(
  deps: Deps,
  by: string,
  reference: string,
  { value, revision }: { readonly value: StoredDefinition; readonly revision: number },
): Promise<Marked> {
  const key = definitionKey("Template", reference);
  const { deleting: _left, ...unmarked } = value;
  const deleting = { by, at: toInstant(deps.clock.now()) };
  const point = "definition.mark";
  const marked = await deps.store.definitions.swap(key, { ...unmarked, deleting }, revision, { point });
  if (marked.kind === "conflict") return { kind: "conflict" };
  const uses = await usingJets(deps, "Template", reference);
  if (uses.length === 0) return { kind: "unused", revision: marked.revision };
  // A conflict: somebody else has written it without the mark.
  await deps.store.definitions.swap(key, unmarked, marked.revision, { point });
  return { kind: "in_use", uses };
}

/** The list of its living jets, which is empty by now. */
async function itsSlots({ store }: Pick<Deps, "store">, template: string): Promise<BatchMember[]> {
  const stored = await store.slots.get(slotsKey(template));
  return stored.kind === "record" || stored.kind === "unreadable"
    ? [{ key: slotsKey(template), value: undefined, expected: stored.revision }]
    : [];
}

/** What it was at: nothing of it falls due any more. */
async function itsRecord({ store }: Pick<Deps, "store">, schedule: string): Promise<BatchMember[]> {
  const key = scheduleKey(schedule);
  const stored = await store.schedules.get(key);
  return stored.kind === "record" || stored.kind === "unreadable"
    ? [{ key, value: undefined, expected: stored.revision }]
    : [];
}

/** Who is told so many things that they may read has no use for more. */
const MOST_NAMED = 50;

async function inUse(
  deps: Deps,
  user: string,
  kind: DefinitionKind,
  reference: string,
  uses: readonly Use[],
): Promise<RefusedError> {
  const of = (wanted: Use["kind"]): string[] =>
    uses.filter((use) => use.kind === wanted).map((use) => use.reference);
  const sight = await askSight(deps, user, {
    templates: of("Template"),
    jets: of("Jet"),
    schedules: of("Schedule"),
    plans: of("Plan"),
  });
  const sees: Readonly<Record<Use["kind"], (reference: string) => boolean>> = {
    Template: (name) => sight.template(name),
    Jet: (name) => sight.jet(name),
    Schedule: (name) => sight.schedule(name),
    Plan: (name) => sight.plan(name),
  };
  const usedBy = uses.filter((use) => sees[use.kind](use.reference)).slice(0, MOST_NAMED);
  const [first] = usedBy;
  const by = first === undefined ? "" : ` by ${first.kind.toLowerCase()} '${first.reference}'`;
  return new RefusedError("in_use", `${kind.toLowerCase()} '${reference}' is used${by}`, { usedBy });
}
