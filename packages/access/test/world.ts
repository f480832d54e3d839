import type { AccessLevel, JetActionDefinition, TemplateDefinition } from "@jetmesh/protocol";
import type { AccessFacts, JetFacts, ScheduleFacts } from "../src/index.ts";

/** The user who asks. What the mesh knows of her is what differs from world to world. */
export const WHO = "alice";
/** The jet and the template that the questions are about, and another jet of the same template. */
export const JET = "web1";
export const OTHER_JET = "web2";
export const TEMPLATE = "web";
export const ACTION = "start";
export const CREATE = "create";
export const INCARNATION = 7;
const STATE_LEVELS: Readonly<Record<string, AccessLevel>> = {
  running: "user",
  "manager-state": "manager",
  "root-state": "root",
};

/** Schedules of the jet by their level, and two that make actions of no jet. */
const ofJet = { owner: "bob", trigger: { jet: JET, action: ACTION, argument: {} }, create: undefined };
const ofNoJet = { trigger: undefined, create: { kind: "report", argument: {} } };
const SCHEDULES: Readonly<Record<string, ScheduleFacts>> = {
  "user-schedule": { ...ofJet, accessLevel: "user" },
  "manager-schedule": { ...ofJet, accessLevel: "manager" },
  "root-schedule": { ...ofJet, accessLevel: "root" },
  "ghost-schedule": { ...ofJet, trigger: { ...ofJet.trigger, jet: "ghost" }, accessLevel: "user" },
  "her-schedule": { ...ofNoJet, owner: WHO, accessLevel: "manager" },
  "her-root-schedule": { ...ofNoJet, owner: WHO, accessLevel: "root" },
  "bobs-schedule": { ...ofNoJet, owner: "bob", accessLevel: "user" },
};

/** One combination of levels and memberships. */
export interface World {
  /** Undefined: the mesh has no such user. */
  readonly level: AccessLevel | undefined;
  readonly template: AccessLevel;
  /** Of the jet action asked about, and of the create action. */
  readonly action: AccessLevel;
  readonly isTemplateUser: boolean;
  readonly isTemplateManager: boolean;
  readonly isJetUser: boolean;
  readonly isJetManager: boolean;
  readonly isOtherJetUser: boolean;
  readonly isOtherJetManager: boolean;
  /** Whether she made the template. */
  readonly isCreator: boolean;
  /** Of what she writes: the level, and whether she stands in its managers. */
  readonly newLevel: AccessLevel;
  readonly isManagerAfter: boolean;
}

export const STRANGER: World = {
  level: "user",
  template: "manager",
  action: "manager",
  isTemplateUser: false,
  isTemplateManager: false,
  isJetUser: false,
  isJetManager: false,
  isOtherJetUser: false,
  isOtherJetManager: false,
  isCreator: false,
  newLevel: "manager",
  isManagerAfter: false,
};

const LEVELS: readonly AccessLevel[] = ["user", "manager", "root"];
const MEMBERSHIPS = [
  "isTemplateUser",
  "isTemplateManager",
  "isJetUser",
  "isJetManager",
  "isOtherJetUser",
  "isOtherJetManager",
  "isCreator",
  "isManagerAfter",
] as const;

/** Every combination that there is. */
export function* allWorlds(): Generator<World> {
  for (const level of [undefined, ...LEVELS])
    for (const template of LEVELS)
      for (const action of LEVELS)
        for (const newLevel of LEVELS)
          for (let bits = 0; bits < 2 ** MEMBERSHIPS.length; bits += 1) {
            const memberships = MEMBERSHIPS.map((name, bit) => [name, (bits & (1 << bit)) !== 0] as const);
            yield { ...STRANGER, level, template, action, newLevel, ...Object.fromEntries(memberships) };
          }
}

const actionOf = (reference: string, accessLevel: AccessLevel): JetActionDefinition => ({
  reference,
  name: reference,
  priority: 10,
  accessLevel,
  ...(reference === CREATE ? {} : { from: "stopped" }),
  transit: "starting",
  to: "running",
  delays: {},
  repeat: { error: 0, success: 0, backoff: 10_000 },
  rollbackOnError: false,
  note: "",
});

/** The facts of a world, counted from its lists as the real ones are from the buckets. */
export function factsOf(world: World): AccessFacts {
  const others = ["bob"];
  const withHer = (is: boolean): string[] => (is ? [...others, WHO] : others);
  const template: TemplateDefinition = {
    kind: "Template",
    reference: TEMPLATE,
    name: TEMPLATE,
    accessLevel: world.template,
    users: withHer(world.isTemplateUser),
    managers: withHer(world.isTemplateManager),
    limit: 0,
    onBusy: "refuse",
    variables: {},
    requires: [],
    actions: [actionOf(CREATE, world.action), actionOf(ACTION, world.action)],
    note: "",
  };
  const jets = new Map<string, JetFacts>([
    [
      JET,
      {
        template: TEMPLATE,
        incarnation: INCARNATION,
        users: withHer(world.isJetUser),
        managers: withHer(world.isJetManager),
      },
    ],
    [
      OTHER_JET,
      {
        template: TEMPLATE,
        incarnation: INCARNATION,
        users: withHer(world.isOtherJetUser),
        managers: withHer(world.isOtherJetManager),
      },
    ],
  ]);
  const anyJet = (reference: string, user: string, list: "users" | "managers"): boolean =>
    [...jets.values()].some((jet) => jet.template === reference && jet[list].includes(user));
  const planLevels: Readonly<Record<string, AccessLevel>> = {
    "user-plan": "user",
    "manager-plan": "manager",
    "root-plan": "root",
  };
  return {
    levelOf: (user) => (user === WHO ? world.level : user === "bob" ? "manager" : undefined),
    template: (reference) => (reference === TEMPLATE ? template : undefined),
    creatorOf: (reference) => (reference === TEMPLATE ? (world.isCreator ? WHO : "bob") : undefined),
    jet: (reference) => jets.get(reference),
    isUserOfAnyJet: (reference, user) => anyJet(reference, user, "users"),
    isManagerOfAnyJet: (reference, user) => anyJet(reference, user, "managers"),
    planLevel: (reference) => planLevels[reference],
    stateLevel: (reference) => STATE_LEVELS[reference],
    schedule: (reference) => SCHEDULES[reference],
    isVariables: (reference) => reference === "network",
    isLimit: (reference) => reference === "limit",
    isUser: (reference) => reference === "bob" || reference === WHO,
  };
}
