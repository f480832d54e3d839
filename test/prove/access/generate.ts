import type { Random } from "../../chaos/storm/random.ts";
import {
  CREATE,
  type Level,
  type Operation,
  REMOVE,
  RESTING,
  type Readable,
  ROOT,
  type TemplateDocument,
} from "./model/operations.ts";
import { templateFor } from "./model/views.ts";
import type { World } from "./model/world.ts";

const USERS = ["ann", "ben", "cat", "dan"] as const;
/** Of no definition ever: may do nothing. */
const STRANGER = "nobody";
const TEMPLATES = ["t1", "t2"] as const;
const PLANS = ["p1", "p2", "p3"] as const;
const SCHEDULES = ["s1", "s2"] as const;
const JETS = ["j1", "j2", "j3"] as const;
const ACTIONS = [CREATE, REMOVE, "a1", "a2"] as const;
const LEVELS = ["user", "manager", "root"] as const satisfies readonly Level[];

const some = <T>(random: Random, from: readonly T[], probability: number): T[] =>
  from.filter(() => random.chance(probability));

/** The next operation: whatever it is, somebody may do it and somebody else may not. */
export function generate(world: World, id: number, random: Random): Operation {
  const by = random.chance(0.2) ? ROOT : random.chance(0.04) ? STRANGER : random.pick(USERS);
  const asRoot = random.chance(0.7) ? ROOT : by;
  const level = random.pick(LEVELS);
  const weights: readonly (readonly [number, () => Operation])[] = [
    [6, () => ({ id, by: asRoot, kind: "set user", user: random.pick(USERS), level })],
    [4, () => ({ id, by: asRoot, kind: "set plan", plan: random.pick(PLANS), level })],
    [1, () => ({ id, by, kind: "set state" })],
    [9, () => ({ id, by, kind: "set schedule", ...scheduleDocument(random) })],
    [
      4,
      () => ({
        id,
        by,
        kind: "pause schedule",
        schedule: random.pick(SCHEDULES),
        isPaused: random.chance(0.5),
      }),
    ],
    [
      14,
      () => ({
        id,
        by: random.chance(0.35) ? ROOT : by,
        kind: "apply",
        template: templateDocument(world, by, random),
      }),
    ],
    [6, () => ({ id, by: random.chance(0.4) ? ROOT : by, kind: "apply", jet: jetDocument(random) })],
    [
      2,
      () => ({
        id,
        by,
        kind: "apply",
        template: templateDocument(world, by, random),
        jet: jetDocument(random),
      }),
    ],
    [6, () => ({ id, by: random.chance(0.4) ? ROOT : by, kind: "create jet", jet: jetDocument(random) })],
    [
      20,
      () => ({
        id,
        by,
        kind: "trigger",
        jet: random.pick(JETS),
        action: random.pick(random.chance(0.25) ? [CREATE, REMOVE] : ["a1", "a2"]),
        via: random.chance(0.25) ? "stream" : "api",
      }),
    ],
    [3, () => ({ id, by, kind: "update jet", jet: random.pick(JETS), users: some(random, USERS, 0.4) })],
    [2, () => ({ id, by, kind: "delete jet", jet: random.pick(JETS) })],
    [3, () => ({ id, by: random.chance(0.4) ? ROOT : by, kind: "delete", ...deletable(random) })],
    [4, () => ({ id, by, kind: "bring", jet: random.pick(JETS) })],
    [41, () => ({ id, by, kind: "read", ...readable(world, random) })],
  ];
  let left = random.next() * weights.reduce((sum, [weight]) => sum + weight, 0);
  for (const [weight, make] of weights) {
    left -= weight;
    if (left < 0) return make();
  }
  throw new Error("the weights do not add up");
}

function scheduleDocument(random: Random): {
  schedule: string;
  level: Level;
  does?: { jet: string; action: string };
} {
  const level = random.chance(0.4) ? "user" : random.pick(LEVELS);
  const schedule = random.pick(SCHEDULES);
  if (random.chance(0.3)) return { schedule, level };
  return { schedule, level, does: { jet: random.pick(JETS), action: random.pick(["a1", "a2"]) } };
}

function deletable(random: Random): { what: "template" | "plan" | "user" | "schedule"; name: string } {
  const what = random.pick(["template", "template", "plan", "user", "schedule"] as const);
  const names = { template: TEMPLATES, plan: PLANS, user: USERS, schedule: SCHEDULES }[what];
  return { what, name: random.pick<string>(names) };
}

function readable(world: World, random: Random): { what: Readable; of: string } {
  const runs = [...world.runs.keys()].slice(-12);
  const run = String(runs.length === 0 ? 0 : random.pick(runs));
  const all: readonly (readonly [Readable, string])[] = [
    ["jet", random.pick(JETS)],
    ["jets", ""],
    ["actions of the jet", random.pick(JETS)],
    ["template", random.pick(TEMPLATES)],
    ["templates", ""],
    ["plan", random.pick(PLANS)],
    ["plans", ""],
    ["schedule", random.pick(SCHEDULES)],
    ["schedules", ""],
    ["user", random.pick(USERS)],
    ["users", ""],
    ["state", RESTING],
    ["runs of the jet", random.pick(JETS)],
    ["run", run],
    ["output of the run", run],
    ["dead letters", ""],
    ["secrets of the jet", random.pick(JETS)],
    ["secrets of the template", random.pick(TEMPLATES)],
    ["secrets of the mesh", ""],
    ["way of the jet", random.pick(JETS)],
    ["export", ""],
  ];
  const [what, of] = random.pick(all);
  return { what, of };
}

const jetDocument = (
  random: Random,
): { reference: string; template: string; users: string[]; managers: string[] } => ({
  reference: random.pick(JETS),
  template: random.pick(TEMPLATES),
  users: some(random, USERS, 0.3),
  managers: some(random, USERS, 0.3),
});

/** Most often what somebody sees of one that is there, with a change or none: that is how people edit. */
function templateDocument(world: World, by: string, random: Random): TemplateDocument {
  const reference = random.pick(TEMPLATES);
  const is = world.templates.get(reference);
  if (is === undefined || random.chance(0.25)) {
    return {
      reference,
      level: random.pick(LEVELS),
      users: some(random, USERS, 0.25),
      managers: some(random, [...USERS], 0.4),
      actions: some(random, ACTIONS, 0.8).map((action) => actionDocument(action, random)),
    };
  }
  const seen = templateFor(world, by, is);
  const edits: readonly (() => TemplateDocument)[] = [
    () => seen,
    () => ({ ...seen, level: random.pick(LEVELS) }),
    () => ({ ...seen, users: some(random, USERS, 0.3) }),
    () => ({ ...seen, managers: some(random, USERS, 0.4) }),
    () => ({ ...seen, actions: seen.actions.filter(() => random.chance(0.7)) }),
    () => ({ ...seen, actions: seen.actions.toReversed() }),
    () => {
      const changed = actionDocument(random.pick(ACTIONS), random);
      const others = seen.actions.filter(({ reference: one }) => one !== changed.reference);
      return { ...seen, actions: random.chance(0.5) ? [...others, changed] : [changed, ...others] };
    },
    () => ({
      ...seen,
      actions: seen.actions.map((action) =>
        random.chance(0.5) ? action : actionDocument(action.reference, random),
      ),
    }),
  ];
  return random.pick(edits)();
}

function actionDocument(reference: string, random: Random): TemplateDocument["actions"][number] {
  const level = random.chance(0.5) ? "user" : random.pick(LEVELS);
  return random.chance(0.3) ? { reference, level, plan: random.pick(PLANS) } : { reference, level };
}
