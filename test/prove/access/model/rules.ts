import type { Level } from "./operations.ts";
import {
  type ActionIs,
  type JetIs,
  ROOT_NAME,
  type RunIs,
  type ScheduleIs,
  type TemplateIs,
  type World,
} from "./world.ts";

/**
 * The rules of design §6, read off the page a second time and written as sentences, without a look at packages/access.
 * Each group gives what the table gives that level; a person has the groups of every level up to their own.
 */
const GROUPS: Readonly<Record<Level, readonly Level[]>> = {
  user: ["user"],
  manager: ["user", "manager"],
  root: ["user", "manager", "root"],
};
const UP_TO_MANAGER: readonly Level[] = ["user", "manager"];

export const levelOf = (world: World, who: string): Level | undefined =>
  who === ROOT_NAME ? "root" : world.users.get(who);
const groupsOf = (world: World, who: string): readonly Level[] => {
  const level = levelOf(world, who);
  return level === undefined ? [] : GROUPS[level];
};
const isIn = (world: World, who: string, group: Level): boolean => groupsOf(world, who).includes(group);
const jetsOf = (world: World, template: TemplateIs): JetIs[] =>
  [...world.jets.values()].filter((jet) => jet.template === template.reference);

/** "template level is user OR in the template's users OR in the users of any jet of the template" */
function templateIsOpenToUser(world: World, who: string, template: TemplateIs): boolean {
  const ofAnyJet =
    world.planted === "not of any jet" ? [] : jetsOf(world, template).flatMap(({ users }) => users);
  return template.level === "user" || [...template.users, ...ofAnyJet].includes(who);
}
/** "template level ≤ manager OR in the template's users or managers" */
const templateIsOpenToManager = (who: string, template: TemplateIs): boolean =>
  UP_TO_MANAGER.includes(template.level) || [...template.users, ...template.managers].includes(who);

export function readsTemplate(world: World, who: string, template: TemplateIs): boolean {
  const managesAJet = jetsOf(world, template).some(({ managers }) => managers.includes(who));
  return (
    isIn(world, who, "root") ||
    (isIn(world, who, "manager") && (templateIsOpenToManager(who, template) || managesAJet)) ||
    (isIn(world, who, "user") && templateIsOpenToUser(world, who, template))
  );
}

export function readsAction(
  world: World,
  who: string,
  template: TemplateIs,
  action: Pick<ActionIs, "level">,
): boolean {
  return (
    isIn(world, who, "root") ||
    (isIn(world, who, "manager") &&
      UP_TO_MANAGER.includes(action.level) &&
      templateIsOpenToManager(who, template)) ||
    (isIn(world, who, "user") && action.level === "user" && templateIsOpenToUser(world, who, template))
  );
}

/** A template's managers write it and its actions, as far as the level of what they write is theirs. */
export const writes = (world: World, who: string, level: Level, managers: readonly string[]): boolean =>
  isIn(world, who, "root") ||
  (isIn(world, who, "manager") && UP_TO_MANAGER.includes(level) && managers.includes(who));

export const readsJet = (world: World, who: string, jet: JetIs): boolean =>
  isIn(world, who, "root") ||
  (isIn(world, who, "manager") && jet.managers.includes(who)) ||
  (isIn(world, who, "user") && jet.users.includes(who));
export const changesJet = (world: World, who: string, jet: JetIs): boolean =>
  isIn(world, who, "root") || (isIn(world, who, "manager") && jet.managers.includes(who));

export function readsPlan(world: World, who: string, plan: string): boolean {
  const level = world.plans.get(plan);
  if (level === undefined) return false;
  const asManager = isIn(world, who, "manager") && UP_TO_MANAGER.includes(level);
  const planted = world.planted === "users read plans" && level === "user" && isIn(world, who, "user");
  return isIn(world, who, "root") || asManager || planted;
}
export const readsUser = (world: World, who: string, user: string): boolean =>
  world.users.has(user) && (isIn(world, who, "root") || (isIn(world, who, "user") && who === user));
export const isKnown = (world: World, who: string): boolean => isIn(world, who, "user");
export const seesManagers = (world: World, who: string): boolean => isIn(world, who, "manager");
export const isRoot = (world: World, who: string): boolean => isIn(world, who, "root");

/** One of a jet by whoever may trigger that, one of no jet by its owner; both up to the schedule's level. */
export function readsSchedule(world: World, who: string, { level, owner, does }: ScheduleIs): boolean {
  if (isRoot(world, who)) return true;
  if (!isIn(world, who, level)) return false;
  if (world.planted === "managers read schedules" && seesManagers(world, who)) return true;
  if (does === undefined) return who === owner;
  const jet = world.jets.get(does.jet);
  const template = jet === undefined ? undefined : world.templates.get(jet.template);
  const action = template?.actions.find(({ reference }) => reference === does.action);
  if (jet === undefined || template === undefined || action === undefined) return false;
  return readsJet(world, who, jet) && readsAction(world, who, template, action);
}

/** With the jet and the jet action while that jet lives; else by who asked for it. */
export function readsRun(world: World, who: string, run: RunIs): boolean {
  if (isRoot(world, who)) return true;
  const jet = world.jets.get(run.jet);
  if (jet?.incarnation !== run.incarnation) return isKnown(world, who) && who === run.by;
  const template = world.templates.get(jet.template);
  if (template === undefined || !readsJet(world, who, jet)) return false;
  const action = template.actions.find(({ reference }) => reference === run.action) ?? run;
  return readsAction(world, who, template, action);
}
