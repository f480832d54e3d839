import type { AccessCheck } from "@jetmesh/protocol";
import { describe, expect, it } from "vitest";
import { decideAccess } from "../src/index.ts";
import { QUESTIONS, type Question } from "./design-rules.ts";
import { ACTION, allWorlds, factsOf, JET, TEMPLATE, WHO, type World } from "./world.ts";

const definition = (
  operation: "definition.read" | "definition.write",
  kind: "State" | "User" | "Template" | "Plan",
  reference: string,
): AccessCheck => ({ operation, user: WHO, kind, reference });

const CHECKS: Readonly<Record<Question, AccessCheck>> = {
  "trigger the action": { operation: "trigger", user: WHO, jet: JET, action: ACTION },
  "read the jet": { operation: "jet.read", user: WHO, jet: JET },
  "update the jet": { operation: "jet.update", user: WHO, jet: JET },
  "delete the jet": { operation: "jet.delete", user: WHO, jet: JET },
  "create a jet": { operation: "jet.create", user: WHO, template: TEMPLATE },
  "read the template": definition("definition.read", "Template", TEMPLATE),
  "read a user's plan": definition("definition.read", "Plan", "user-plan"),
  "read a manager's plan": definition("definition.read", "Plan", "manager-plan"),
  "read a root's plan": definition("definition.read", "Plan", "root-plan"),
  "read a state": definition("definition.read", "State", "running"),
  "read herself": definition("definition.read", "User", WHO),
  "read another user": definition("definition.read", "User", "bob"),
  "change the template": definition("definition.write", "Template", TEMPLATE),
  "change a plan": definition("definition.write", "Plan", "manager-plan"),
  "change a state": definition("definition.write", "State", "running"),
  "change a user": definition("definition.write", "User", "bob"),
  "read her own run": { operation: "run.read", user: WHO, owner: WHO },
  "read a run of somebody else": { operation: "run.read", user: WHO, owner: "bob" },
  "read dead letters": { operation: "dead.read", user: WHO },
  "replay a dead letter": { operation: "dead.replay", user: WHO },
};

const WORLDS = [...allWorlds()];

/** Where the answer is another than the rules of the design give. */
function disagreements(question: Question): { world: World; by: string; is: string }[] {
  return WORLDS.flatMap((world) => {
    const answer = decideAccess(CHECKS[question], factsOf(world));
    const is = answer.allow ? "allow" : answer.code;
    const by = QUESTIONS[question](world);
    return is === by ? [] : [{ world, by, is }];
  });
}

const questions = Object.keys(QUESTIONS) as Question[];

describe(`over all ${String(WORLDS.length)} combinations of levels and memberships`, () => {
  it.each(questions)("whether she may %s is what design §6 says", (question) => {
    expect(disagreements(question)).toEqual([]);
  });

  it("a user that the mesh does not know may do nothing", () => {
    const allowed = WORLDS.filter(({ level }) => level === undefined).flatMap((world) =>
      questions.filter((question) => decideAccess(CHECKS[question], factsOf(world)).allow),
    );
    expect(allowed).toEqual([]);
  });

  it("root may do everything", () => {
    const denied = WORLDS.filter(({ level }) => level === "root").flatMap((world) =>
      questions.filter((question) => !decideAccess(CHECKS[question], factsOf(world)).allow),
    );
    expect(denied).toEqual([]);
  });

  it("a higher level never takes a right away", () => {
    const ORDER = ["user", "manager", "root"] as const;
    const lost = WORLDS.filter(({ level }) => level === "user").flatMap((world) =>
      questions.filter((question) => {
        const [user, manager, root] = ORDER.map(
          (level) => decideAccess(CHECKS[question], factsOf({ ...world, level })).allow,
        );
        return (user === true && manager !== true) || (manager === true && root !== true);
      }),
    );
    expect(lost).toEqual([]);
  });
});
