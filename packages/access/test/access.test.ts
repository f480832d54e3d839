import type { AccessAnswer, AccessCheck } from "@jetmesh/protocol";
import { describe, expect, it } from "vitest";
import { decideAccess } from "../src/index.ts";
import { ACTION, factsOf, JET, OTHER_JET, STRANGER, TEMPLATE, WHO, type World } from "./world.ts";

/** What she is answered in a world that differs from a stranger's by what is given. */
const ask = (check: Record<string, string>, world: Partial<World> = {}): AccessAnswer =>
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

  it("changes no definition, not even a template that she manages: that is for root", () => {
    const write = { operation: "definition.write", kind: "Template", reference: TEMPLATE };
    expect(codeOf(ask(write, { ...manager, isTemplateManager: true }))).toBe("forbidden");
    expect(codeOf(ask(write, { ...manager, isTemplateUser: true }))).toBe("forbidden");
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

describe("a jet whose template is gone", () => {
  it("has no action for anybody, root included", () => {
    const facts = { ...factsOf({ ...STRANGER, level: "root" }), template: () => undefined };
    const answer = decideAccess({ operation: "trigger", user: WHO, jet: JET, action: ACTION }, facts);
    expect(codeOf(answer)).toBe("unknown_action");
  });
});
