import type { AccessAnswer, AccessCheck } from "@jetmesh/protocol";
import { describe, expect, it } from "vitest";
import { decideAccess } from "../src/index.ts";
import {
  ACTION,
  factsOf,
  INCARNATION,
  JET,
  OTHER_JET,
  STRANGER,
  TEMPLATE,
  WHO,
  type World,
} from "./world.ts";

/** What she is answered in a world that differs from a stranger's by what is given. */
const ask = (check: Record<string, unknown>, world: Partial<World> = {}): AccessAnswer =>
  decideAccess({ user: WHO, ...check } as unknown as AccessCheck, factsOf({ ...STRANGER, ...world }));
const codeOf = (answer: AccessAnswer): string => (answer.allow ? "allow" : answer.code);
const trigger = { operation: "trigger", jet: JET, action: ACTION };

describe("a user of one jet", () => {
  const hers = { isJetUser: true, action: "user" } as const;

  it("triggers its actions of level user, also where the template is of level manager", () => {
    expect(codeOf(ask(trigger, hers))).toBe("allow");
  });

  it("does not trigger its actions of level manager: they do not exist for her", () => {
    expect(codeOf(ask(trigger, { ...hers, action: "manager" }))).toBe("unknown_action");
  });

  it("triggers nothing on another jet of the template, which does not exist for her", () => {
    expect(codeOf(ask({ ...trigger, jet: OTHER_JET }, hers))).toBe("unknown_jet");
  });

  it("reads the template", () => {
    expect(codeOf(ask({ operation: "definition.read", kind: "Template", reference: TEMPLATE }, hers))).toBe(
      "allow",
    );
  });

  it("does not change the jet, and is told so, for she sees it", () => {
    expect(codeOf(ask({ operation: "jet.update", jet: JET }, hers))).toBe("forbidden");
    expect(codeOf(ask({ operation: "jet.delete", jet: JET }, hers))).toBe("forbidden");
  });
});

describe("somebody of level user in a jet's managers", () => {
  it("does not read the jet by that: managing takes the level", () => {
    expect(codeOf(ask({ operation: "jet.read", jet: JET }, { isJetManager: true }))).toBe("unknown_jet");
  });
});

describe("a manager", () => {
  const manager = { level: "manager" } as const;

  it("makes jets of a template of level manager", () => {
    expect(codeOf(ask({ operation: "jet.create", template: TEMPLATE }, manager))).toBe("allow");
  });

  it("does not see a template of level root, not even to make a jet of it", () => {
    expect(
      codeOf(ask({ operation: "jet.create", template: TEMPLATE }, { ...manager, template: "root" })),
    ).toBe("unknown_template");
  });

  it("changes and deletes the jets that she manages, and no others", () => {
    expect(codeOf(ask({ operation: "jet.delete", jet: JET }, { ...manager, isJetManager: true }))).toBe(
      "allow",
    );
    expect(codeOf(ask({ operation: "jet.delete", jet: JET }, { ...manager, isJetUser: true }))).toBe(
      "forbidden",
    );
    expect(codeOf(ask({ operation: "jet.delete", jet: JET }, { ...manager, isTemplateManager: true }))).toBe(
      "unknown_jet",
    );
  });

  const after = { accessLevel: "manager", isManaged: true };
  const write = {
    operation: "definition.write",
    kind: "Template",
    reference: TEMPLATE,
    change: "update",
    after,
  };

  it("changes a template that she manages, and no other", () => {
    expect(codeOf(ask(write, { ...manager, isTemplateManager: true }))).toBe("allow");
    expect(codeOf(ask(write, { ...manager, isTemplateUser: true }))).toBe("forbidden");
    expect(codeOf(ask(write, { ...manager, isJetManager: true }))).toBe("forbidden");
  });

  it("neither takes a template away from herself nor raises it above her level", () => {
    const hers = { ...manager, isTemplateManager: true };
    for (const change of [{ isManaged: false }, { accessLevel: "root" }])
      expect(codeOf(ask({ ...write, after: { ...after, ...change } }, hers))).toBe("forbidden");
  });

  it("does not change a template by saying nothing of what it will be", () => {
    const { after: _after, ...silent } = write;
    expect(codeOf(ask(silent, { ...manager, isTemplateManager: true }))).toBe("forbidden");
  });

  it("changes actions of a template of level root that she manages, up to her own level", () => {
    const hers = { ...manager, template: "root", isTemplateManager: true } as const;
    const update = { operation: "action.update", template: TEMPLATE, action: ACTION, accessLevel: "user" };
    expect(codeOf(ask(update, { ...hers, action: "manager" }))).toBe("allow");
    expect(codeOf(ask(update, { ...hers, action: "root" }))).toBe("forbidden");
    expect(codeOf(ask({ ...update, accessLevel: "root" }, { ...hers, action: "manager" }))).toBe("forbidden");
    expect(codeOf(ask(write, hers))).toBe("forbidden");
  });

  it("profits from the rules of users as well", () => {
    const world = { ...manager, template: "root", action: "user", isJetUser: true } as const;
    expect(codeOf(ask(trigger, world))).toBe("allow");
    expect(codeOf(ask(trigger, { ...world, action: "manager" }))).toBe("unknown_action");
  });

  it("reads plans up to her level", () => {
    const read = (reference: string): string =>
      codeOf(ask({ operation: "definition.read", kind: "Plan", reference }, manager));
    expect(["user-plan", "manager-plan", "root-plan"].map(read)).toEqual(["allow", "allow", "unknown_plan"]);
  });
});

describe("what somebody may not see", () => {
  /** Each pair asks for something hidden from her and for something that is not there. */
  const PAIRS: readonly (readonly [string, Record<string, string>, Record<string, string>])[] = [
    ["jet", { operation: "jet.read", jet: JET }, { operation: "jet.read", jet: "ghost" }],
    ["jet to update", { operation: "jet.update", jet: JET }, { operation: "jet.update", jet: "ghost" }],
    ["jet to trigger", trigger, { ...trigger, jet: "ghost" }],
    [
      "template",
      { operation: "definition.read", kind: "Template", reference: TEMPLATE },
      { operation: "definition.read", kind: "Template", reference: "ghost" },
    ],
    [
      "template to make a jet of",
      { operation: "jet.create", template: TEMPLATE },
      { operation: "jet.create", template: "ghost" },
    ],
    [
      "template to change",
      { operation: "definition.write", kind: "Template", reference: TEMPLATE },
      { operation: "definition.write", kind: "Template", reference: "ghost" },
    ],
    [
      "jet action to change",
      { operation: "action.update", template: TEMPLATE, action: ACTION, accessLevel: "user" },
      { operation: "action.update", template: "ghost", action: ACTION, accessLevel: "user" },
    ],
    [
      "template to delete",
      { operation: "definition.delete", kind: "Template", reference: TEMPLATE },
      { operation: "definition.delete", kind: "Template", reference: "ghost" },
    ],
    [
      "plan",
      { operation: "definition.read", kind: "Plan", reference: "root-plan" },
      { operation: "definition.read", kind: "Plan", reference: "ghost" },
    ],
    [
      "user",
      { operation: "definition.read", kind: "User", reference: "bob" },
      { operation: "definition.read", kind: "User", reference: "ghost" },
    ],
  ];

  /** The name that she gave herself tells her nothing. */
  const withoutName = (answer: AccessAnswer, check: Record<string, string>): unknown => {
    const name = check["jet"] ?? check["template"] ?? check["reference"] ?? "";
    return JSON.parse(JSON.stringify(answer).replaceAll(name, "NAME"));
  };

  it.each(PAIRS)("is answered like what is not there: a %s", (_what, hidden, absent) => {
    for (const level of [undefined, "user"] as const) {
      const world = { level, template: "root" } as const;
      expect(ask(hidden, world).allow).toBe(false);
      expect(withoutName(ask(hidden, world), hidden)).toEqual(withoutName(ask(absent, world), absent));
    }
  });

  it("is answered like what is not there: an action of a jet that she may use", () => {
    const world = { isJetUser: true, action: "root" } as const;
    const hidden = ask(trigger, world);
    const absent = ask({ ...trigger, action: "ghost" }, world);
    expect(hidden.allow).toBe(false);
    expect(withoutName(hidden, { reference: ACTION })).toEqual(withoutName(absent, { reference: "ghost" }));
  });

  it("is answered like what is not there: a run of somebody else", () => {
    expect(ask({ operation: "run.read", owner: "bob" })).toEqual(
      ask({ operation: "run.read", owner: "ghost" }),
    );
  });
});

describe("a run", () => {
  const of = { jet: JET, incarnation: INCARNATION, action: "gone", accessLevel: "user" };
  const read = { operation: "run.read", owner: WHO, of };

  it("of an action that the template has lost goes by the level that the action had", () => {
    expect(codeOf(ask({ ...read, owner: "bob" }, { isJetUser: true }))).toBe("allow");
    expect(codeOf(ask({ ...read, of: { ...of, accessLevel: "root" } }, { isJetUser: true }))).toBe(
      "unknown_run",
    );
  });

  it("of a jet that she may not read any more is not hers either", () => {
    expect(codeOf(ask(read))).toBe("unknown_run");
  });

  it("of a jet whose name has another now is not for the users of that one", () => {
    const before = { ...read, owner: "bob", of: { ...of, incarnation: INCARNATION - 1 } };
    expect(codeOf(ask(before, { isJetUser: true }))).toBe("unknown_run");
    expect(codeOf(ask({ ...before, owner: WHO }))).toBe("allow");
  });
});

describe("a jet whose template is gone", () => {
  it("has no action for anybody, root included", () => {
    const facts = { ...factsOf({ ...STRANGER, level: "root" }), template: () => undefined };
    const answer = decideAccess({ operation: "trigger", user: WHO, jet: JET, action: ACTION }, facts);
    expect(codeOf(answer)).toBe("unknown_action");
  });
});
