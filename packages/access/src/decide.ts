import type {
  AccessAnswer,
  AccessCheck,
  AccessLevel,
  JetActionDefinition,
  TemplateDefinition,
} from "@jetmesh/protocol";
import { match } from "ts-pattern";

/**
 * Who may do what (design §6), pure. Everything not allowed is denied; what a user may not see does not exist
 * for them, so a denial of reading says `unknown_…` and only a denial of doing says `forbidden`.
 *
 *   P1  a user's rights are the union of the rules of every level up to their own
 *   P2  an unknown user has none
 */
export interface AccessFacts {
  /** The user's level; undefined for a user that the mesh does not know. */
  levelOf(user: string): AccessLevel | undefined;
  template(reference: string): TemplateDefinition | undefined;
  jet(reference: string): JetFacts | undefined;
  /** Whether the user is among the users of any jet of the template; the same for managers. */
  isUserOfAnyJet(template: string, user: string): boolean;
  isManagerOfAnyJet(template: string, user: string): boolean;
  planLevel(reference: string): AccessLevel | undefined;
  /** The level that it takes to bring a jet there; undefined where there is no such state. */
  stateLevel(reference: string): AccessLevel | undefined;
  isUser(reference: string): boolean;
}

export interface JetFacts {
  readonly template: string;
  readonly users: readonly string[];
  readonly managers: readonly string[];
}

const RANK: Readonly<Record<AccessLevel, number>> = { user: 1, manager: 2, root: 3 };
const atMost = (level: AccessLevel, limit: AccessLevel): boolean => RANK[level] <= RANK[limit];

const ALLOW: AccessAnswer = { allow: true };
const deny = (code: string, message: string): AccessAnswer => ({ allow: false, code, message });

export function decideAccess(check: AccessCheck, facts: AccessFacts): AccessAnswer {
  const level = facts.levelOf(check.user);
  return match(check)
    .with({ operation: "trigger" }, ({ user, jet, action }) => {
      const target = facts.jet(jet);
      if (target === undefined || !mayReadJet(level, user, target)) return unknownJet(jet);
      const template = facts.template(target.template);
      const found = template?.actions.find((one) => one.reference === action);
      if (
        template === undefined ||
        found === undefined ||
        !mayReadAction(facts, level, user, template, found)
      ) {
        return deny("unknown_action", `jet '${jet}' has no action '${action}'`);
      }
      return ALLOW;
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
    .with({ operation: "definition.write" }, ({ user, kind, reference }) => {
      // Managers of a template come with the whole table of design §6, action by action; until then root alone.
      if (level === "root") return ALLOW;
      return level === undefined
        ? unknown(kind.toLowerCase(), reference)
        : deny("forbidden", `'${user}' may not change ${kind.toLowerCase()} '${reference}'`);
    })
    .with({ operation: "run.read" }, ({ user, owner }) =>
      level === "root" || (level !== undefined && user === owner)
        ? ALLOW
        : deny("unknown_run", "there is no such action"),
    )
    .with({ operation: "dead.read" }, { operation: "dead.replay" }, ({ user }) =>
      // Letters hold what anybody sent to anything: root alone.
      level === "root"
        ? ALLOW
        : deny("forbidden", `dead letters are for users of level root; '${user}' is none`),
    )
    .exhaustive();
}

/** The same choice as the lifecycle's `createAction`: of those with no `from` and some `to` the first by priority. */
function createActionOf(template: TemplateDefinition): JetActionDefinition | undefined {
  return template.actions
    .filter(({ from, to }) => from === undefined && to !== undefined)
    .sort((a, b) => a.priority - b.priority || (a.reference < b.reference ? -1 : 1))[0];
}

const unknown = (kind: string, reference: string): AccessAnswer =>
  deny(`unknown_${kind}`, `there is no ${kind} '${reference}'`);
const unknownJet = (reference: string): AccessAnswer => unknown("jet", reference);

function mayReadJet(level: AccessLevel | undefined, user: string, jet: JetFacts): boolean {
  if (level === undefined) return false;
  if (level === "root" || jet.users.includes(user)) return true;
  return level === "manager" && jet.managers.includes(user);
}

function mayReadTemplate(
  facts: AccessFacts,
  level: AccessLevel | undefined,
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
  level: AccessLevel | undefined,
  user: string,
  template: TemplateDefinition,
  action: JetActionDefinition,
): boolean {
  if (level === undefined) return false;
  if (level === "root") return true;
  if (action.accessLevel === "user" && mayAsUser(facts, user, template)) return true;
  return level === "manager" && atMost(action.accessLevel, "manager") && isAsManager(user, template);
}

function mayReadDefinition(
  facts: AccessFacts,
  level: AccessLevel | undefined,
  user: string,
  kind: "State" | "User" | "Template" | "Plan",
  reference: string,
): boolean {
  if (level === undefined) return false;
  return match(kind)
    .with("Template", () => {
      const template = facts.template(reference);
      return template !== undefined && mayReadTemplate(facts, level, user, template);
    })
    .with("State", () => facts.stateLevel(reference) !== undefined)
    .with("Plan", () => {
      const planLevel = facts.planLevel(reference);
      return (
        planLevel !== undefined && (level === "root" || (level === "manager" && atMost(planLevel, "manager")))
      );
    })
    .with("User", () => facts.isUser(reference) && (level === "root" || user === reference))
    .exhaustive();
}
