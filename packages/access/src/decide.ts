import type { AccessAnswer, AccessCheck } from "@jetmesh/protocol";
import { match } from "ts-pattern";
import type { AccessFacts } from "./facts.ts";
import {
  atMost,
  createActionOf,
  type Level,
  mayManage,
  mayReadAction,
  mayReadDefinition,
  mayReadJet,
  mayReadSchedule,
  mayReadTemplate,
  readsAction,
} from "./rules.ts";

/**
 * Who may do what (design §6), pure. Everything not allowed is denied; what a user may not see does not exist
 * for them, so a denial of reading says `unknown_…` and only a denial of doing says `forbidden`. A denied write of a
 * definition always says `forbidden`, whether the thing is there or not.
 *
 *   P1  a user's rights are the union of the rules of every level up to their own
 *   P2  an unknown user has none
 */
export function decideAccess(check: AccessCheck, facts: AccessFacts): AccessAnswer {
  const level = facts.levelOf(check.user);
  return match(check)
    .with({ operation: "trigger" }, ({ user, jet, action }) => {
      const target = facts.jet(jet);
      if (target === undefined || !mayReadJet(level, user, target)) return unknownJet(jet);
      return readsAction(facts, level, user, target.template, action)
        ? ALLOW
        : deny("unknown_action", `jet '${jet}' has no action '${action}'`);
    })
    .with({ operation: "jet.create" }, ({ user, template }) => {
      const found = facts.template(template);
      if (found === undefined || !mayReadTemplate(facts, level, user, found))
        return unknown("template", template);
      const isManager = level !== undefined && atMost("manager", level);
      if (!isManager) return deny("forbidden", `making a jet takes a manager; '${user}' is none`);
      const create = createActionOf(found);
      if (create !== undefined && !mayReadAction(facts, level, user, found, create)) {
        return deny("forbidden", `the action that creates jets of '${template}' is not for '${user}'`);
      }
      return ALLOW;
    })
    .with({ operation: "target" }, ({ user, jet, state }) => {
      const target = facts.jet(jet);
      if (target === undefined || !mayReadJet(level, user, target)) return unknownJet(jet);
      const stateLevel = facts.stateLevel(state);
      if (stateLevel === undefined) return unknown("state", state);
      const may = level !== undefined && atMost(stateLevel, level);
      return may ? ALLOW : deny("forbidden", `bringing a jet to '${state}' takes level ${stateLevel}`);
    })
    .with({ operation: "jet.read" }, ({ user, jet }) => {
      const found = facts.jet(jet);
      return found !== undefined && mayReadJet(level, user, found) ? ALLOW : unknownJet(jet);
    })
    .with({ operation: "jet.update" }, { operation: "jet.delete" }, ({ user, jet }) => {
      const found = facts.jet(jet);
      if (found === undefined || !mayReadJet(level, user, found)) return unknownJet(jet);
      const may = level === "root" || (level === "manager" && found.managers.includes(user));
      return may ? ALLOW : deny("forbidden", `'${user}' is no manager of jet '${jet}'`);
    })
    .with({ operation: "definition.read" }, ({ user, kind, reference }) =>
      mayReadDefinition(facts, level, user, kind, reference) ? ALLOW : unknown(kind.toLowerCase(), reference),
    )
    .with({ operation: "definition.write" }, { operation: "definition.delete" }, (asked) => {
      const { user, kind, reference } = asked;
      if (level === undefined) return unknown(kind.toLowerCase(), reference);
      return mayWriteDefinition(facts, level, asked)
        ? ALLOW
        : deny("forbidden", `'${user}' may not change ${kind.toLowerCase()} '${reference}'`);
    })
    .with({ operation: "action.read" }, ({ user, template, action }) =>
      // Of one that its template has lost, which a jet may still name, root is told.
      level === "root" || readsAction(facts, level, user, template, action)
        ? ALLOW
        : deny("unknown_action", `template '${template}' has no action '${action}'`),
    )
    .with(
      { operation: "action.create" },
      { operation: "action.update" },
      { operation: "action.delete" },
      (asked) => {
        const { user, template, action } = asked;
        if (level === undefined) return unknown("template", template);
        return mayWriteAction(facts, level, asked)
          ? ALLOW
          : deny("forbidden", `'${user}' may not change action '${action}' of template '${template}'`);
      },
    )
    .with({ operation: "managers.read" }, ({ user }) =>
      level !== undefined && atMost("manager", level)
        ? ALLOW
        : deny("forbidden", `who manages what is shown to managers; '${user}' is none`),
    )
    .with({ operation: "run.read" }, { operation: "run.change" }, (asked) =>
      mayReadRun(facts, level, asked) ? ALLOW : deny("unknown_run", "there is no such action"),
    )
    .with({ operation: "run.create" }, ({ user }) =>
      level !== undefined && atMost("manager", level)
        ? ALLOW
        : deny("forbidden", `making actions takes a manager; '${user}' is none`),
    )
    .with({ operation: "dead.read" }, { operation: "dead.replay" }, ({ user }) =>
      // Letters hold what anybody sent to anything: root alone.
      level === "root"
        ? ALLOW
        : deny("forbidden", `dead letters are for users of level root; '${user}' is none`),
    )
    .with({ operation: "secret.change" }, ({ user, jet, template }) => {
      // As whoever may update the thing; the mesh's are root's.
      if (jet !== undefined) return decideAccess({ operation: "jet.update", user, jet }, facts);
      if (template === undefined)
        return level === "root"
          ? ALLOW
          : deny("forbidden", `secrets of the mesh are for users of level root; '${user}' is none`);
      const found = facts.template(template);
      if (found === undefined || !mayReadTemplate(facts, level, user, found))
        return unknown("template", template);
      return mayManage(level, found.accessLevel, found.managers.includes(user))
        ? ALLOW
        : deny("forbidden", `'${user}' may not change template '${template}'`);
    })
    .exhaustive();
}

const ALLOW: AccessAnswer = { allow: true };
const deny = (code: string, message: string): AccessAnswer => ({ allow: false, code, message });
const unknown = (kind: string, reference: string): AccessAnswer =>
  deny(`unknown_${kind}`, `there is no ${kind} '${reference}'`);
const unknownJet = (reference: string): AccessAnswer => unknown("jet", reference);

type Of<O extends AccessCheck["operation"]> = Extract<AccessCheck, { operation: O }>;

/**
 * Variables, states, limits, plans and users are root's; of a template also its managers', and deleting takes who made it. Schedules are
 * managers', up to the level of the schedule, before and after; what it is to do is asked about by itself.
 */
function mayWriteDefinition(
  facts: AccessFacts,
  level: Level,
  asked: Of<"definition.write" | "definition.delete">,
): boolean {
  if (level === "root") return true;
  const { user, reference } = asked;
  if (asked.kind === "Schedule") {
    const is = facts.schedule(reference);
    const holds =
      is !== undefined && mayManage(level, is.accessLevel, mayReadSchedule(facts, level, user, is));
    if (asked.operation === "definition.delete") return holds;
    const will = asked.after !== undefined && mayManage(level, asked.after.accessLevel, true);
    return will && (is === undefined ? asked.change === "create" : holds);
  }
  if (asked.kind !== "Template") return false;
  const stored = facts.template(reference);
  const holds = stored !== undefined && mayManage(level, stored.accessLevel, stored.managers.includes(user));
  if (asked.operation === "definition.delete") return holds && facts.creatorOf(reference) === user;
  const { change, after } = asked;
  const willHold = after !== undefined && mayManage(level, after.accessLevel, after.isManaged);
  // To make what somebody else has made meanwhile is to change it.
  return willHold && (stored === undefined ? change === "create" : holds);
}

/** By its own level and the template's managers; the template's level does not count (design §6). */
function mayWriteAction(
  facts: AccessFacts,
  level: Level,
  asked: Of<"action.create" | "action.update" | "action.delete">,
): boolean {
  if (level === "root") return true;
  const { user } = asked;
  const template = facts.template(asked.template);
  const stored = template?.actions.find(({ reference }) => reference === asked.action);
  const isManaged = template?.managers.includes(user) === true;
  const holds = stored !== undefined && mayManage(level, stored.accessLevel, isManaged);
  return match(asked)
    .with({ operation: "action.create" }, ({ accessLevel, isManaged: willBe }) =>
      stored === undefined
        ? mayManage(level, accessLevel, template === undefined ? willBe === true : isManaged)
        : false,
    )
    .with(
      { operation: "action.update" },
      ({ accessLevel }) => holds && mayManage(level, accessLevel, isManaged),
    )
    .with({ operation: "action.delete" }, () => holds)
    .exhaustive();
}

/**
 * A run of a jet that lives goes with the jet and the jet action: who may trigger it sees what came of it, and may
 * pause, resume, cancel or take it back. Of one whose jet is gone, or that never had one, who asked for it is left.
 */
function mayReadRun(
  facts: AccessFacts,
  level: Level,
  { user, owner, of }: Of<"run.read" | "run.change">,
): boolean {
  if (level === undefined) return false;
  if (level === "root") return true;
  const jet = of === undefined ? undefined : facts.jet(of.jet);
  if (of === undefined || jet?.incarnation !== of.incarnation) return user === owner;
  const template = facts.template(jet.template);
  if (template === undefined || !mayReadJet(level, user, jet)) return false;
  const action = template.actions.find(({ reference }) => reference === of.action) ?? of;
  return mayReadAction(facts, level, user, template, action);
}
