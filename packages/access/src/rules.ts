import type { AccessLevel, DefinitionKind, JetActionDefinition, TemplateDefinition } from "@jetmesh/protocol";
import { match } from "ts-pattern";
import type { AccessFacts, JetFacts, ScheduleFacts } from "./facts.ts";

/** The rules of design §6, each for one thing and one right. A level that is undefined has none. */
export type Level = AccessLevel | undefined;

const RANK: Readonly<Record<AccessLevel, number>> = { user: 1, manager: 2, root: 3 };
export const atMost = (level: AccessLevel, limit: AccessLevel): boolean => RANK[level] <= RANK[limit];

export function mayReadJet(level: Level, user: string, jet: JetFacts): boolean {
  if (level === undefined) return false;
  if (level === "root" || jet.users.includes(user)) return true;
  return level === "manager" && jet.managers.includes(user);
}

export function mayReadTemplate(
  facts: AccessFacts,
  level: Level,
  user: string,
  template: TemplateDefinition,
): boolean {
  if (level === undefined) return false;
  if (level === "root" || mayAsUser(facts, user, template)) return true;
  if (level !== "manager") return false;
  return isAsManager(user, template) || facts.isManagerOfAnyJet(template.reference, user);
}

/** Rules of the level `user`: open to users, in its users, or in the users of any jet of it. */
const mayAsUser = (facts: AccessFacts, user: string, template: TemplateDefinition): boolean =>
  template.accessLevel === "user" ||
  template.users.includes(user) ||
  facts.isUserOfAnyJet(template.reference, user);

const isAsManager = (user: string, template: TemplateDefinition): boolean =>
  atMost(template.accessLevel, "manager") ||
  template.users.includes(user) ||
  template.managers.includes(user);

/** The table of jet actions in design §6, a line a level. */
export function mayReadAction(
  facts: AccessFacts,
  level: Level,
  user: string,
  template: TemplateDefinition,
  action: Pick<JetActionDefinition, "accessLevel">,
): boolean {
  if (level === undefined) return false;
  if (level === "root") return true;
  if (action.accessLevel === "user" && mayAsUser(facts, user, template)) return true;
  return level === "manager" && atMost(action.accessLevel, "manager") && isAsManager(user, template);
}

/**
 * To create, update or delete a template, or a jet action of one: managers do, up to their level, where they are in the
 * template's managers. Of what is updated this must hold before and after, so that nobody hides it from themselves.
 */
export function mayManage(level: Level, accessLevel: AccessLevel, isManaged: boolean): boolean {
  if (level === "root") return true;
  return level === "manager" && atMost(accessLevel, "manager") && isManaged;
}

export function mayReadDefinition(
  facts: AccessFacts,
  level: Level,
  user: string,
  kind: DefinitionKind,
  reference: string,
): boolean {
  if (level === undefined) return false;
  return (
    match(kind)
      .with("Template", () => {
        const template = facts.template(reference);
        return template !== undefined && mayReadTemplate(facts, level, user, template);
      })
      .with("State", () => facts.stateLevel(reference) !== undefined)
      .with("Plan", () => {
        const planLevel = facts.planLevel(reference);
        return (
          planLevel !== undefined &&
          (level === "root" || (level === "manager" && atMost(planLevel, "manager")))
        );
      })
      .with("Schedule", () => {
        const schedule = facts.schedule(reference);
        return schedule !== undefined && mayReadSchedule(facts, level, user, schedule);
      })
      // Whoever waits for one is told so, and whoever reads what it is named in reads its name.
      .with("Limit", () => facts.isLimit(reference))
      .with("Variables", () => facts.isVariables(reference) && atMost("manager", level))
      .with("User", () => facts.isUser(reference) && (level === "root" || user === reference))
      .exhaustive()
  );
}

/**
 * A schedule of a jet goes with the jet and the action, as a run does: who may trigger it, up to the schedule's level. One
 * that makes actions of no jet goes with who owns it.
 */
export function mayReadSchedule(
  facts: AccessFacts,
  level: Level,
  user: string,
  { accessLevel, owner, trigger }: ScheduleFacts,
): boolean {
  if (level === undefined) return false;
  if (level === "root") return true;
  if (!atMost(accessLevel, level)) return false;
  if (trigger === undefined) return user === owner;
  const jet = facts.jet(trigger.jet);
  return (
    jet !== undefined &&
    mayReadJet(level, user, jet) &&
    readsAction(facts, level, user, jet.template, trigger.action)
  );
}

/** By the names of both; what is not there is not read. */
export function readsAction(
  facts: AccessFacts,
  level: Level,
  user: string,
  reference: string,
  action: string,
): boolean {
  const template = facts.template(reference);
  const found = template?.actions.find((one) => one.reference === action);
  return template !== undefined && found !== undefined && mayReadAction(facts, level, user, template, found);
}

/** The same choice as the lifecycle's `createAction`: of those with no `from` and some `to` the first by priority. */
export function createActionOf(template: TemplateDefinition): JetActionDefinition | undefined {
  return template.actions
    .filter(({ from, to }) => from === undefined && to !== undefined)
    .sort((a, b) => a.priority - b.priority || (a.reference < b.reference ? -1 : 1))[0];
}
