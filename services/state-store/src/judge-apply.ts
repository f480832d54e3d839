import { isDeepStrictEqual } from "node:util";
import { type Sight, seenTemplate, withUnseen } from "@jetmesh/access";
import type {
  AccessCheck,
  Definition,
  ScheduleDefinition,
  StoredDefinition,
  TemplateDefinition,
} from "@jetmesh/protocol";
import { type AskedSight, askAccess, askSight, RefusedError } from "@jetmesh/service-kit";
import { accessOf } from "./carry-out-firing.ts";
import type { Deps } from "./deps.ts";

export interface Asked {
  readonly definition: Definition;
  /** What is there now, as the leader has it. */
  readonly stored: StoredDefinition | undefined;
}

/**
 * Judges what an apply adds, changes and removes, part by part (design §6), and gives what is to be written: what the
 * user may not see stays as it is. What does not change takes no right but to read it.
 */
export async function judgeApply(
  deps: Pick<Deps, "connection" | "names">,
  user: string,
  all: readonly Asked[],
  jets: ReadonlySet<string>,
): Promise<JudgedApply> {
  const templates = all.flatMap(({ stored }) =>
    stored?.definition.kind === "Template" ? [stored.definition] : [],
  );
  const sight = await askSight(deps, user, {
    actions: templates.flatMap(({ reference, actions }) =>
      actions.map((action) => [reference, action.reference] as const),
    ),
    plans: templates.flatMap(({ actions }) => actions.flatMap(({ plan }) => plan ?? [])),
    templates: templates.flatMap(({ requires }) => requires.map(({ template }) => template)),
  });
  const judged = all.map((asked) => judgeOne(user, asked, sight, jets));
  const verdicts = await askAccess(
    deps,
    judged.flatMap(({ read, write, parts }) => [read, write, ...parts]),
  );
  let at = 0;
  for (const { isWritten, parts, isThere } of judged) {
    const [read, own, ...others] = verdicts.slice(at, (at += 2 + parts.length));
    // One that is hidden is refused in the words of one that is not there.
    const isHidden = isThere && read?.allow !== true;
    const needed = isHidden ? [own] : [...(isWritten ? [own] : []), ...others];
    const denied = needed.find((verdict) => verdict?.allow === false);
    if (denied?.allow === false) throw new RefusedError(denied.code, denied.message);
  }
  return {
    wanted: judged.map(({ wanted }) => wanted),
    seen: (one) =>
      one.kind === "Template"
        ? seenTemplate(one, { ...sight, action: (action) => sight.action(one.reference, action) })
        : one,
  };
}

export interface JudgedApply {
  /** What is to be written, what the user may not see included. */
  readonly wanted: readonly Definition[];
  /** Of what is there now what the user may see. */
  readonly seen: (stored: Definition) => Definition;
}

interface Judged {
  readonly wanted: Definition;
  readonly isThere: boolean;
  readonly read: AccessCheck;
  readonly write: Extract<AccessCheck, { operation: "definition.write" }>;
  /** Whether the definition itself changes, and not jet actions of it alone. */
  readonly isWritten: boolean;
  /** A check for each jet action that is added, changed or removed; of a schedule one for what it does. */
  readonly parts: readonly AccessCheck[];
}

function judgeOne(
  user: string,
  { definition, stored }: Asked,
  asked: AskedSight,
  jets: ReadonlySet<string>,
): Judged {
  const { kind, reference } = definition;
  const read = { operation: "definition.read", user, kind, reference } as const;
  const write = { operation: "definition.write", user, kind, reference } as const;
  const change = stored === undefined ? "create" : "update";
  if (definition.kind !== "Template") {
    const isWritten = !isDeepStrictEqual(stored?.definition, definition);
    return {
      wanted: definition,
      isThere: stored !== undefined,
      read,
      write: { ...write, change, ...afterOf(definition) },
      isWritten,
      parts: isWritten && definition.kind === "Schedule" ? doingChecks(user, definition, jets) : [],
    };
  }
  const is = stored?.definition.kind === "Template" ? stored.definition : undefined;
  const sight: Sight = { ...asked, action: (action) => asked.action(reference, action) };
  const wanted = is === undefined ? definition : withUnseen(is, definition, sight);
  const after = { accessLevel: wanted.accessLevel, isManaged: wanted.managers.includes(user) };
  return {
    wanted,
    isThere: is !== undefined,
    read,
    write: { ...write, change, after },
    isWritten: is === undefined || !isDeepStrictEqual(withoutActions(is, wanted), withoutActions(wanted, is)),
    parts: actionChecks(user, is, definition, wanted, sight),
  };
}

const afterOf = (definition: Definition): Pick<Judged["write"], "after"> =>
  definition.kind === "Schedule" ? { after: { accessLevel: definition.accessLevel, isManaged: false } } : {};

/** A schedule does what its owner may do; of a jet that comes in the same request that is found at the firing. */
const doingChecks = (
  user: string,
  definition: ScheduleDefinition,
  jets: ReadonlySet<string>,
): AccessCheck[] =>
  definition.trigger !== undefined && jets.has(definition.trigger.jet) ? [] : [accessOf(user, definition)];

/** Everything but what its actions are; their order is the template's own. */
const withoutActions = (template: TemplateDefinition, other: TemplateDefinition): unknown => {
  const there = new Set(other.actions.map(({ reference }) => reference));
  const order = template.actions.map(({ reference }) => reference).filter((one) => there.has(one));
  return { ...template, actions: order };
};

function actionChecks(
  user: string,
  is: TemplateDefinition | undefined,
  document: TemplateDefinition,
  wanted: TemplateDefinition,
  sight: Sight,
): AccessCheck[] {
  const template = document.reference;
  const isManaged = wanted.managers.includes(user);
  const removed = (is?.actions ?? [])
    .map(({ reference }) => reference)
    .filter((one) => sight.action(one) && !document.actions.some(({ reference }) => reference === one))
    .map((action) => ({ operation: "action.delete", user, template, action }) as const);
  const written = document.actions.flatMap(({ reference: action, accessLevel }): AccessCheck[] => {
    const stored = is?.actions.find(({ reference }) => reference === action);
    const check = { user, template, action, accessLevel, isManaged };
    if (stored === undefined) return [{ operation: "action.create", ...check }];
    const same =
      sight.action(action) &&
      isDeepStrictEqual(
        wanted.actions.find(({ reference }) => reference === action),
        stored,
      );
    return same ? [] : [{ operation: "action.update", ...check }];
  });
  return [...removed, ...written];
}
