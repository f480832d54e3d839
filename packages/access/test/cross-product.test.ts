import type { AccessCheck } from "@jetmesh/protocol";
import { describe, expect, it } from "vitest";
import { decideAccess } from "../src/index.ts";
import { QUESTIONS, type Question } from "./design-rules.ts";
import { ACTION, allWorlds, factsOf, INCARNATION, JET, TEMPLATE, WHO, type World } from "./world.ts";

type Kind = "Variables" | "State" | "User" | "Template" | "Plan" | "Schedule";
const read = (kind: Kind, reference: string) => (): AccessCheck => ({
  operation: "definition.read",
  user: WHO,
  kind,
  reference,
});
const remove = (kind: Kind, reference: string) => (): AccessCheck => ({
  operation: "definition.delete",
  user: WHO,
  kind,
  reference,
});
const write =
  (kind: Kind, reference: string, change: "create" | "update" = "update") =>
  ({ newLevel: accessLevel, isManagerAfter: isManaged }: World): AccessCheck => ({
    operation: "definition.write",
    user: WHO,
    kind,
    reference,
    change,
    ...(kind === "Template" || kind === "Schedule" ? { after: { accessLevel, isManaged } } : {}),
  });
const writeAction =
  (operation: "action.create" | "action.update", template: string, action: string) =>
  ({ newLevel: accessLevel, isManagerAfter: isManaged }: World): AccessCheck => ({
    operation,
    user: WHO,
    template,
    action,
    accessLevel,
    isManaged,
  });
const run =
  (operation: "run.read" | "run.change", owner: string, incarnation?: number) =>
  ({ action: accessLevel }: World): AccessCheck => ({
    operation,
    user: WHO,
    owner,
    ...(incarnation === undefined ? {} : { of: { jet: JET, incarnation, action: ACTION, accessLevel } }),
  });
const target = (state: string) => (): AccessCheck => ({ operation: "target", user: WHO, jet: JET, state });

const CHECKS: Readonly<Record<Question, (world: World) => AccessCheck>> = {
  "trigger the action": () => ({ operation: "trigger", user: WHO, jet: JET, action: ACTION }),
  "read the jet": () => ({ operation: "jet.read", user: WHO, jet: JET }),
  "update the jet": () => ({ operation: "jet.update", user: WHO, jet: JET }),
  "delete the jet": () => ({ operation: "jet.delete", user: WHO, jet: JET }),
  "create a jet": () => ({ operation: "jet.create", user: WHO, template: TEMPLATE }),
  "read the template": read("Template", TEMPLATE),
  "create a template": write("Template", "new", "create"),
  "make the template anew": write("Template", TEMPLATE, "create"),
  "change the template": write("Template", TEMPLATE),
  "change a template that is not there": write("Template", "new"),
  "delete the template": remove("Template", TEMPLATE),
  "read the action": () => ({ operation: "action.read", user: WHO, template: TEMPLATE, action: ACTION }),
  "add an action": writeAction("action.create", TEMPLATE, "new"),
  "add an action to a template of her own": writeAction("action.create", "new", "new"),
  "change the action": writeAction("action.update", TEMPLATE, ACTION),
  "change an action that is not there": writeAction("action.update", TEMPLATE, "new"),
  "remove the action": () => ({ operation: "action.delete", user: WHO, template: TEMPLATE, action: ACTION }),
  "read who manages": () => ({ operation: "managers.read", user: WHO }),
  "read a user's plan": read("Plan", "user-plan"),
  "read a manager's plan": read("Plan", "manager-plan"),
  "read a root's plan": read("Plan", "root-plan"),
  "read variables": read("Variables", "network"),
  "change variables": write("Variables", "network"),
  "delete variables": remove("Variables", "network"),
  "read a user's schedule of the jet": read("Schedule", "user-schedule"),
  "read a manager's schedule of the jet": read("Schedule", "manager-schedule"),
  "read a root's schedule of the jet": read("Schedule", "root-schedule"),
  "read a schedule of a jet that is gone": read("Schedule", "ghost-schedule"),
  "read her own schedule of no jet": read("Schedule", "her-schedule"),
  "read somebody's schedule of no jet": read("Schedule", "bobs-schedule"),
  "create a schedule": write("Schedule", "new", "create"),
  "change a schedule that is not there": write("Schedule", "new"),
  "make a schedule of the jet anew": write("Schedule", "manager-schedule", "create"),
  "change a manager's schedule of the jet": write("Schedule", "manager-schedule"),
  "change a root's schedule of the jet": write("Schedule", "root-schedule"),
  "delete a user's schedule of the jet": remove("Schedule", "user-schedule"),
  "delete a root's schedule of the jet": remove("Schedule", "root-schedule"),
  "change her own schedule of no jet": write("Schedule", "her-schedule"),
  "change her own schedule that is root's by now": write("Schedule", "her-root-schedule"),
  "delete somebody's schedule of no jet": remove("Schedule", "bobs-schedule"),
  "read a state": read("State", "running"),
  "bring to a user's state": target("running"),
  "bring to a manager's state": target("manager-state"),
  "bring to a root's state": target("root-state"),
  "read herself": read("User", WHO),
  "read another user": read("User", "bob"),
  "change a plan": write("Plan", "manager-plan"),
  "delete a plan": remove("Plan", "manager-plan"),
  "change a state": write("State", "running"),
  "delete a state": remove("State", "running"),
  "change a user": write("User", "bob"),
  "delete a user": remove("User", "bob"),
  "read her own run": run("run.read", WHO),
  "read a run of somebody else": run("run.read", "bob"),
  "read her own run of the jet": run("run.read", WHO, INCARNATION),
  "read somebody's run of the jet": run("run.read", "bob", INCARNATION),
  "pause somebody's run of the jet": run("run.change", "bob", INCARNATION),
  "read her own run of a jet that is gone": run("run.read", WHO, INCARNATION - 1),
  "read somebody's run of a jet that is gone": run("run.read", "bob", INCARNATION - 1),
  "read dead letters": () => ({ operation: "dead.read", user: WHO }),
  "replay a dead letter": () => ({ operation: "dead.replay", user: WHO }),
  "change the jet's secrets": () => ({ operation: "secret.change", user: WHO, jet: JET }),
  "change the template's secrets": () => ({ operation: "secret.change", user: WHO, template: TEMPLATE }),
  "change the mesh's secrets": () => ({ operation: "secret.change", user: WHO }),
};

const WORLDS = [...allWorlds()].map((world) => ({ world, facts: factsOf(world) }));
type Known = (typeof WORLDS)[number];

const answerIn = ({ world, facts }: Known, question: Question): ReturnType<typeof decideAccess> =>
  decideAccess(CHECKS[question](world), facts);

/** Where the answer is another than the rules of the design give. */
function disagreements(question: Question): { world: World; by: string; is: string }[] {
  return WORLDS.flatMap((known) => {
    const answer = answerIn(known, question);
    const is = answer.allow ? "allow" : answer.code;
    const by = QUESTIONS[question](known.world);
    return is === by ? [] : [{ world: known.world, by, is }];
  }).slice(0, 5);
}

const questions = Object.keys(QUESTIONS) as Question[];

describe(`over all ${String(WORLDS.length)} combinations of levels and memberships`, () => {
  it.each(questions)("whether she may %s is what design §6 says", (question) => {
    expect(disagreements(question)).toEqual([]);
  });

  it("a user that the mesh does not know may do nothing", () => {
    const allowed = WORLDS.filter(({ world }) => world.level === undefined).flatMap((known) =>
      questions.filter((question) => answerIn(known, question).allow),
    );
    expect(allowed).toEqual([]);
  });

  it("root may do everything", () => {
    const denied = WORLDS.filter(({ world }) => world.level === "root").flatMap((known) =>
      questions.filter((question) => !answerIn(known, question).allow),
    );
    expect(denied).toEqual([]);
  });

  it("a higher level never takes a right away", () => {
    const ORDER = ["user", "manager", "root"] as const;
    const lost = WORLDS.filter(({ world }) => world.level === "user").flatMap(({ world, facts }) =>
      questions.filter((question) => {
        const [user, manager, root] = ORDER.map(
          (level) =>
            decideAccess(CHECKS[question]({ ...world, level }), {
              ...facts,
              levelOf: (who) => (who === WHO ? level : facts.levelOf(who)),
            }).allow,
        );
        return (user === true && manager !== true) || (manager === true && root !== true);
      }),
    );
    expect(lost).toEqual([]);
    // A million decisions: three seconds alone, more beside the other files.
  }, 60_000);

  it("who may write a template or an action may read it", () => {
    const blind = WORLDS.filter((known) =>
      (
        [
          ["change the template", "read the template"],
          ["delete the template", "read the template"],
          ["change the action", "read the action"],
          ["remove the action", "read the action"],
          ["change a manager's schedule of the jet", "read a manager's schedule of the jet"],
          ["delete a user's schedule of the jet", "read a user's schedule of the jet"],
          ["change her own schedule of no jet", "read her own schedule of no jet"],
        ] as const
      ).some(([writes, reads]) => answerIn(known, writes).allow && !answerIn(known, reads).allow),
    );
    expect(blind.map(({ world }) => world)).toEqual([]);
  });
});
