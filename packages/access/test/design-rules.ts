import { WHO, type World } from "./world.ts";

/**
 * Design §6 as a table, a line per rule: who of which level may do what, and under which condition. A user's
 * rights are the union of the rules of every level up to their own; what no rule gives is denied.
 */
type Right =
  | "read the action"
  | "change the action"
  | "add an action"
  | "remove the action"
  | "read the jet"
  | "change the jet"
  | "create a jet"
  | "read the template"
  | "create a template"
  | "change the template"
  | "delete the template"
  | "read who manages"
  | "read a user's plan"
  | "read a manager's plan"
  | "read a root's plan"
  | "change a plan"
  | "read variables"
  | "change variables"
  | "read a user's schedule"
  | "read a manager's schedule"
  | "read a root's schedule"
  | "read a schedule of no jet"
  | "make a schedule"
  | "change a manager's schedule"
  | "change a root's schedule"
  | "delete a user's schedule"
  | "change a schedule of no jet"
  | "read a state"
  | "bring to a user's state"
  | "bring to a manager's state"
  | "bring to a root's state"
  | "change a state"
  | "read herself"
  | "read another user"
  | "change a user"
  | "read dead letters"
  | "replay a dead letter"
  | "change the jet's secrets"
  | "change the template's secrets"
  | "change the mesh's secrets";

type Level = "user" | "manager" | "root";
type Condition = (world: World) => boolean;
const always: Condition = () => true;

const isOpenToUsers: Condition = (w) =>
  w.template === "user" || w.isTemplateUser || w.isJetUser || w.isOtherJetUser;
const isOpenToManagers: Condition = (w) => w.template !== "root" || w.isTemplateUser || w.isTemplateManager;

const mayTrigger: Condition = (w) => may(w, "read the jet") && may(w, "read the action");

/** Level, right, condition. */
const RULES: readonly (readonly [Level, Right, Condition])[] = [
  ["user", "read the action", (w) => w.action === "user" && isOpenToUsers(w)],
  ["manager", "read the action", (w) => w.action !== "root" && isOpenToManagers(w)],
  ["root", "read the action", always],

  ["user", "read the jet", (w) => w.isJetUser],
  ["manager", "read the jet", (w) => w.isJetUser || w.isJetManager],
  ["root", "read the jet", always],
  ["manager", "change the jet", (w) => w.isJetManager],
  ["root", "change the jet", always],
  ["manager", "create a jet", (w) => may(w, "read the template") && may(w, "read the action")],
  ["root", "create a jet", always],

  ["user", "read the template", isOpenToUsers],
  ["manager", "read the template", (w) => isOpenToManagers(w) || w.isJetManager || w.isOtherJetManager],
  ["root", "read the template", always],
  // Of what is changed the rule must hold before and after: nobody takes a thing away from themselves.
  ["manager", "create a template", (w) => w.newLevel !== "root" && w.isManagerAfter],
  ["root", "create a template", always],
  [
    "manager",
    "change the template",
    (w) => w.template !== "root" && w.isTemplateManager && w.newLevel !== "root" && w.isManagerAfter,
  ],
  ["root", "change the template", always],
  ["manager", "delete the template", (w) => w.template !== "root" && w.isTemplateManager && w.isCreator],
  ["root", "delete the template", always],
  // Action by action: the action's level and the template's managers, whatever the template's level is.
  ["manager", "add an action", (w) => w.newLevel !== "root" && w.isTemplateManager],
  ["root", "add an action", always],
  [
    "manager",
    "change the action",
    (w) => w.action !== "root" && w.newLevel !== "root" && w.isTemplateManager,
  ],
  ["root", "change the action", always],
  ["manager", "remove the action", (w) => w.action !== "root" && w.isTemplateManager],
  ["root", "remove the action", always],
  ["manager", "read who manages", always],
  ["root", "read who manages", always],

  ["manager", "read a user's plan", always],
  ["manager", "read a manager's plan", always],
  ["root", "read a user's plan", always],
  ["root", "read a manager's plan", always],
  ["root", "read a root's plan", always],
  ["root", "change a plan", always],
  ["manager", "read variables", always],
  ["root", "read variables", always],
  ["root", "change variables", always],

  // A schedule of a jet goes with the jet and the action, as a run does; one of no jet with who owns it.
  ["user", "read a user's schedule", mayTrigger],
  ["manager", "read a manager's schedule", mayTrigger],
  ["root", "read a user's schedule", always],
  ["root", "read a manager's schedule", always],
  ["root", "read a root's schedule", always],
  ["manager", "read a schedule of no jet", always],
  // What it is to do is asked about by itself.
  ["manager", "make a schedule", (w) => w.newLevel !== "root"],
  ["root", "make a schedule", always],
  ["manager", "change a manager's schedule", (w) => mayTrigger(w) && w.newLevel !== "root"],
  ["root", "change a manager's schedule", always],
  ["root", "change a root's schedule", always],
  ["manager", "delete a user's schedule", mayTrigger],
  ["root", "delete a user's schedule", always],
  ["manager", "change a schedule of no jet", (w) => w.newLevel !== "root"],
  ["root", "change a schedule of no jet", always],

  ["user", "read a state", always],
  ["user", "bring to a user's state", always],
  ["manager", "bring to a manager's state", always],
  ["root", "bring to a root's state", always],
  ["root", "change a state", always],
  ["user", "read herself", always],
  ["root", "read another user", always],
  ["root", "change a user", always],
  ["root", "read dead letters", always],
  ["root", "replay a dead letter", always],
  // Who may change the thing; nothing of it is changed, so there is no before and after.
  ["manager", "change the jet's secrets", (w) => w.isJetManager],
  ["root", "change the jet's secrets", always],
  ["manager", "change the template's secrets", (w) => w.template !== "root" && w.isTemplateManager],
  ["root", "change the template's secrets", always],
  ["root", "change the mesh's secrets", always],
];

const UP_TO: Readonly<Record<Level, readonly Level[]>> = {
  user: ["user"],
  manager: ["user", "manager"],
  root: ["user", "manager", "root"],
};

/** Whether a rule of a level that she has gives her the right. */
export function may(world: World, right: Right): boolean {
  if (world.level === undefined) return false;
  const levels = UP_TO[world.level];
  return RULES.some(
    ([level, given, condition]) => given === right && levels.includes(level) && condition(world),
  );
}

/** What authz must answer: "allow", or the code of the denial. */
export type Verdict = "allow" | "forbidden" | `unknown_${string}`;

const visible = (seen: boolean, done: boolean, unknown: Verdict): Verdict =>
  seen ? (done ? "allow" : "forbidden") : unknown;

const writeDenied = (w: World, unknown: Verdict): Verdict => (w.level === undefined ? unknown : "forbidden");
const seenIf = (w: World, right: Right): Verdict => (may(w, right) ? "allow" : "unknown_schedule");
const written = (w: World, right: Right, unknown: Verdict): Verdict =>
  may(w, right) ? "allow" : writeDenied(w, unknown);
const brought = (w: World, right: Right): Verdict =>
  visible(may(w, "read the jet"), may(w, right), "unknown_jet");
const ofJet = (w: World): Verdict =>
  may(w, "read the jet") && may(w, "read the action") ? "allow" : "unknown_run";

/** Every question of the cross product, with its answer by the rules above. */
export const QUESTIONS = {
  "trigger the action": (w: World): Verdict =>
    may(w, "read the jet") ? (may(w, "read the action") ? "allow" : "unknown_action") : "unknown_jet",
  "read the jet": (w: World): Verdict => (may(w, "read the jet") ? "allow" : "unknown_jet"),
  "update the jet": (w: World): Verdict =>
    visible(may(w, "read the jet"), may(w, "change the jet"), "unknown_jet"),
  "delete the jet": (w: World): Verdict =>
    visible(may(w, "read the jet"), may(w, "change the jet"), "unknown_jet"),
  "create a jet": (w: World): Verdict =>
    visible(may(w, "read the template"), may(w, "create a jet"), "unknown_template"),
  "read the template": (w: World): Verdict => (may(w, "read the template") ? "allow" : "unknown_template"),
  "read a user's plan": (w: World): Verdict => (may(w, "read a user's plan") ? "allow" : "unknown_plan"),
  "read a manager's plan": (w: World): Verdict =>
    may(w, "read a manager's plan") ? "allow" : "unknown_plan",
  "read a root's plan": (w: World): Verdict => (may(w, "read a root's plan") ? "allow" : "unknown_plan"),
  "read a user's schedule of the jet": (w: World): Verdict => seenIf(w, "read a user's schedule"),
  "read a manager's schedule of the jet": (w: World): Verdict => seenIf(w, "read a manager's schedule"),
  "read a root's schedule of the jet": (w: World): Verdict => seenIf(w, "read a root's schedule"),
  "read a schedule of a jet that is gone": (w: World): Verdict =>
    w.level === "root" ? "allow" : "unknown_schedule",
  "read her own schedule of no jet": (w: World): Verdict => seenIf(w, "read a schedule of no jet"),
  "read somebody's schedule of no jet": (w: World): Verdict =>
    w.level === "root" ? "allow" : "unknown_schedule",
  "create a schedule": (w: World): Verdict => written(w, "make a schedule", "unknown_schedule"),
  "change a schedule that is not there": (w: World): Verdict =>
    w.level === "root" ? "allow" : writeDenied(w, "unknown_schedule"),
  "make a schedule of the jet anew": (w: World): Verdict =>
    written(w, "change a manager's schedule", "unknown_schedule"),
  "change a manager's schedule of the jet": (w: World): Verdict =>
    written(w, "change a manager's schedule", "unknown_schedule"),
  "change a root's schedule of the jet": (w: World): Verdict =>
    written(w, "change a root's schedule", "unknown_schedule"),
  "delete a user's schedule of the jet": (w: World): Verdict =>
    written(w, "delete a user's schedule", "unknown_schedule"),
  "delete a root's schedule of the jet": (w: World): Verdict =>
    written(w, "change a root's schedule", "unknown_schedule"),
  "change her own schedule of no jet": (w: World): Verdict =>
    written(w, "change a schedule of no jet", "unknown_schedule"),
  "change her own schedule that is root's by now": (w: World): Verdict =>
    written(w, "change a root's schedule", "unknown_schedule"),
  "delete somebody's schedule of no jet": (w: World): Verdict =>
    w.level === "root" ? "allow" : writeDenied(w, "unknown_schedule"),
  "read a state": (w: World): Verdict => (may(w, "read a state") ? "allow" : "unknown_state"),
  "read herself": (w: World): Verdict => (may(w, "read herself") ? "allow" : "unknown_user"),
  "read another user": (w: World): Verdict => (may(w, "read another user") ? "allow" : "unknown_user"),
  // Who asks to write is told "forbidden" whether it is there or not: that gives nothing away either.
  "create a template": (w: World): Verdict => written(w, "create a template", "unknown_template"),
  "make the template anew": (w: World): Verdict => written(w, "change the template", "unknown_template"),
  "change the template": (w: World): Verdict => written(w, "change the template", "unknown_template"),
  "change a template that is not there": (w: World): Verdict =>
    w.level === "root" ? "allow" : writeDenied(w, "unknown_template"),
  "delete the template": (w: World): Verdict => written(w, "delete the template", "unknown_template"),
  "read the action": (w: World): Verdict => (may(w, "read the action") ? "allow" : "unknown_action"),
  "add an action": (w: World): Verdict => written(w, "add an action", "unknown_template"),
  "add an action to a template of her own": (w: World): Verdict =>
    written(w, "create a template", "unknown_template"),
  "change the action": (w: World): Verdict => written(w, "change the action", "unknown_template"),
  "change an action that is not there": (w: World): Verdict =>
    w.level === "root" ? "allow" : writeDenied(w, "unknown_template"),
  "remove the action": (w: World): Verdict => written(w, "remove the action", "unknown_template"),
  "read variables": (w: World): Verdict => (may(w, "read variables") ? "allow" : "unknown_variables"),
  "change variables": (w: World): Verdict => written(w, "change variables", "unknown_variables"),
  "delete variables": (w: World): Verdict => written(w, "change variables", "unknown_variables"),
  "change a plan": (w: World): Verdict => written(w, "change a plan", "unknown_plan"),
  "delete a plan": (w: World): Verdict => written(w, "change a plan", "unknown_plan"),
  "change a state": (w: World): Verdict => written(w, "change a state", "unknown_state"),
  "delete a state": (w: World): Verdict => written(w, "change a state", "unknown_state"),
  "change a user": (w: World): Verdict => written(w, "change a user", "unknown_user"),
  "delete a user": (w: World): Verdict => written(w, "change a user", "unknown_user"),
  "read who manages": (w: World): Verdict => (may(w, "read who manages") ? "allow" : "forbidden"),
  "bring to a user's state": (w: World): Verdict => brought(w, "bring to a user's state"),
  "bring to a manager's state": (w: World): Verdict => brought(w, "bring to a manager's state"),
  "bring to a root's state": (w: World): Verdict => brought(w, "bring to a root's state"),
  "read her own run": (w: World): Verdict => (w.level === undefined ? "unknown_run" : "allow"),
  "read a run of somebody else": (w: World): Verdict => (w.level === "root" ? "allow" : "unknown_run"),
  // A run of a jet goes with the jet and the action, whoever asked for it.
  "read her own run of the jet": ofJet,
  "read somebody's run of the jet": ofJet,
  "pause somebody's run of the jet": ofJet,
  "read her own run of a jet that is gone": (w: World): Verdict =>
    w.level === undefined ? "unknown_run" : "allow",
  "read somebody's run of a jet that is gone": (w: World): Verdict =>
    w.level === "root" ? "allow" : "unknown_run",
  // Refused before anything is looked up, so it does not say whether a letter is there.
  "read dead letters": (w: World): Verdict => (may(w, "read dead letters") ? "allow" : "forbidden"),
  "replay a dead letter": (w: World): Verdict => (may(w, "replay a dead letter") ? "allow" : "forbidden"),
  "change the jet's secrets": (w: World): Verdict =>
    visible(may(w, "read the jet"), may(w, "change the jet's secrets"), "unknown_jet"),
  "change the template's secrets": (w: World): Verdict =>
    visible(may(w, "read the template"), may(w, "change the template's secrets"), "unknown_template"),
  "change the mesh's secrets": (w: World): Verdict =>
    may(w, "change the mesh's secrets") ? "allow" : "forbidden",
} as const;
export type Question = keyof typeof QUESTIONS;
export { WHO };
