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
  exists(kind: "State" | "User", reference: string): boolean;
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
      const may = level !== undefined && atMost("manager", level);
      return may ? ALLOW : deny("forbidden", `making a jet takes a manager; '${user}' is none`);
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
      if (level === "root") return ALLOW;
      const found = kind === "Template" ? facts.template(reference) : undefined;
      if (
        level === "manager" &&
        found !== undefined &&
        atMost(found.accessLevel, "manager") &&
        found.managers.includes(user)
      )
        return ALLOW;
      const seen = mayReadDefinition(facts, level, user, kind, reference);
      return seen || level !== undefined
        ? deny("forbidden", `'${user}' may not change ${kind.toLowerCase()} '${reference}'`)
        : unknown(kind.toLowerCase(), reference);
    })
    .with({ operation: "run.read" }, ({ user, owner }) =>
      level === "root" || (level !== undefined && user === owner)
        ? ALLOW
        : deny("unknown_run", "there is no such action"),
    )
    .exhaustive();
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
    .with("State", () => facts.exists("State", reference))
    .with("Plan", () => {
      const planLevel = facts.planLevel(reference);
      return (
        planLevel !== undefined && (level === "root" || (level === "manager" && atMost(planLevel, "manager")))
      );
    })
    .with("User", () => facts.exists("User", reference) && (level === "root" || user === reference))
    .exhaustive();
}
