import {
  CREATE,
  type JetDocument,
  type Operation,
  type Outcome,
  REMOVE,
  RESTING,
  type TemplateDocument,
} from "./operations.ts";
import { no, yes } from "./outcome.ts";
import { read, wayOf } from "./reads.ts";
import {
  changesJet,
  isKnown,
  isRoot,
  levelOf,
  readsAction,
  readsJet,
  readsPlan,
  readsTemplate,
  readsUser,
  writes,
} from "./rules.ts";
import { deleteSchedule, pauseSchedule, setSchedule } from "./schedules.ts";
import { jetFor } from "./views.ts";
import { type ActionIs, type JetIs, type TemplateIs, type World } from "./world.ts";

const same = (one: unknown, other: unknown): boolean => JSON.stringify(one) === JSON.stringify(other);

/** What an operation must be answered; and the world as it is afterwards. */
export function predict(world: World, operation: Operation): Outcome {
  switch (operation.kind) {
    case "set user":
      return setOne(world, operation.by, world.users, operation.user, operation.level, "user", () =>
        readsUser(world, operation.by, operation.user),
      );
    case "set plan":
      return setOne(world, operation.by, world.plans, operation.plan, operation.level, "plan", () =>
        readsPlan(world, operation.by, operation.plan),
      );
    case "set schedule":
      return setSchedule(world, operation);
    case "pause schedule":
      return pauseSchedule(world, operation);
    case "set state":
      if (isRoot(world, operation.by)) return yes(["updated"]);
      return no(isKnown(world, operation.by) ? "forbidden" : "unknown_state");
    case "apply":
      return apply(world, operation.by, operation.template, operation.jet);
    case "create jet":
      return createJet(world, operation);
    case "trigger":
      return trigger(world, operation);
    case "update jet":
      return updateJet(world, operation);
    case "delete jet": {
      const refused = changeRefusal(world, operation.by, operation.jet);
      if (refused !== undefined) return no(refused);
      world.jets.delete(operation.jet);
      return yes(operation.jet);
    }
    case "delete":
      return deleteOne(world, operation);
    case "bring":
      return bring(world, operation);
    case "read":
      return read(world, operation);
  }
}

function changeRefusal(world: World, who: string, reference: string): string | undefined {
  const jet = world.jets.get(reference);
  if (jet === undefined || !readsJet(world, who, jet)) return "unknown_jet";
  return changesJet(world, who, jet) ? undefined : "forbidden";
}

function updateJet(world: World, { by, jet, users }: Extract<Operation, { kind: "update jet" }>): Outcome {
  const refused = changeRefusal(world, by, jet);
  const is = world.jets.get(jet);
  if (refused !== undefined || is === undefined) return no(refused ?? "unknown_jet");
  const next = { ...is, users };
  world.jets.set(jet, next);
  return yes(jetFor(world, by, next));
}

/** What somebody may take away, and only while nothing names it. */
function deleteOne(world: World, { by, what, name }: Extract<Operation, { kind: "delete" }>): Outcome {
  if (what === "schedule") return deleteSchedule(world, by, name);
  if (!isKnown(world, by)) return no(`unknown_${what}`);
  const is = world.templates.get(name);
  const isMine = what === "template" && is !== undefined && world.makers.get(name) === by;
  const levels = is === undefined ? [] : [is.level, ...is.actions.map(({ level }) => level)];
  const may = isMine && levels.every((level) => writes(world, by, level, is.managers));
  if (!isRoot(world, by) && !may) return no("forbidden");
  const all = { template: world.templates, plan: world.plans, user: world.users }[what];
  if (!all.has(name)) return no(`unknown_${what}`);
  const templates = [...world.templates.values()];
  const jets = [...world.jets.values()];
  const isListed = ({ users, managers }: Pick<JetIs, "users" | "managers">): boolean =>
    [...users, ...managers].includes(name);
  const isUsed = {
    template: jets.some(({ template }) => template === name),
    plan: templates.some(({ actions }) => actions.some(({ plan }) => plan === name)),
    user:
      [...templates, ...jets].some(isListed) ||
      [...world.schedules.values()].some(({ owner }) => owner === name),
  }[what];
  if (isUsed) return no("in_use");
  all.delete(name);
  return yes(name);
}

function bring(world: World, { id, by, jet }: Extract<Operation, { kind: "bring" }>): Outcome {
  const way = wayOf(world, by, jet);
  if ("ok" in way) return way;
  const is = world.jets.get(jet);
  if (way.action !== undefined && is !== undefined) {
    noteRun(world, id, by, jet, is.incarnation, way.action);
    world.jets.set(jet, { ...is, isResting: true, last: CREATE });
  }
  return yes({ outcome: "SUCCESS", state: RESTING });
}

/** Users and plans are root's to write; to write what is there already takes to read it. */
function setOne<T>(
  world: World,
  who: string,
  all: Map<string, T>,
  name: string,
  value: T,
  kind: string,
  reads: () => boolean,
): Outcome {
  if (!isKnown(world, who)) return no(`unknown_${kind}`);
  const is = all.get(name);
  if (is === value) return reads() ? yes(["unchanged"]) : no("forbidden");
  if (!isRoot(world, who)) return no("forbidden");
  all.set(name, value);
  return yes([is === undefined ? "created" : "updated"]);
}

function apply(
  world: World,
  who: string,
  template: TemplateDocument | undefined,
  jet: JetDocument | undefined,
): Outcome {
  const refusedJet = jet === undefined ? undefined : jetRefusal(world, who, jet, template?.reference);
  if (refusedJet !== undefined) return no(refusedJet);
  const refused = template === undefined ? undefined : templateRefusal(world, who, template);
  if (refused !== undefined) return no(refused);
  const plans = (template?.actions ?? []).flatMap(({ plan }) => plan ?? []);
  if (!plans.every((plan) => readsPlan(world, who, plan))) return no("invalid_request");
  if (jet !== undefined && jet.template !== template?.reference) {
    const named = world.templates.get(jet.template);
    if (named === undefined || !readsTemplate(world, who, named)) return no("invalid_request");
  }
  return yes([
    ...(template === undefined ? [] : [writeTemplate(world, who, template)]),
    ...(jet === undefined ? [] : [writeJet(world, who, jet)]),
  ]);
}

function templateRefusal(world: World, who: string, document: TemplateDocument): string | undefined {
  if (!isKnown(world, who)) return "unknown_template";
  const may = (level: ActionIs["level"], managers: readonly string[]): boolean =>
    writes(world, who, level, managers);
  const is = world.templates.get(document.reference);
  if (is === undefined) {
    const all = [document.level, ...document.actions.map(({ level }) => level)];
    return all.every((level) => may(level, document.managers)) ? undefined : "forbidden";
  }
  if (!readsTemplate(world, who, is)) return "forbidden";
  const next = merged(world, who, is, document);
  if (!same(ownOf(is, next), ownOf(next, is))) {
    if (!may(is.level, is.managers) || !may(document.level, document.managers)) return "forbidden";
  }
  for (const old of is.actions) {
    const now = document.actions.find(({ reference }) => reference === old.reference);
    const isSeen = readsAction(world, who, is, old);
    if (now === undefined && isSeen && !may(old.level, is.managers)) return "forbidden";
    if (now !== undefined && !isSeen) return "forbidden";
    const then = next.actions.find(({ reference }) => reference === old.reference);
    if (now === undefined || same(fieldsOf(old), fieldsOf(then))) continue;
    if (!may(old.level, is.managers) || !may(now.level, is.managers)) return "forbidden";
  }
  const added = document.actions.filter((one) => !is.actions.some((old) => old.reference === one.reference));
  return added.every(({ level }) => may(level, is.managers)) ? undefined : "forbidden";
}

const fieldsOf = (action: ActionIs | undefined): unknown => [action?.level, action?.plan];
/** What is the template's own: its fields, and the order of its actions. */
const ownOf = (one: TemplateIs, other: TemplateIs): unknown => [
  one.level,
  one.users,
  one.managers,
  one.actions
    .map(({ reference }) => reference)
    .filter((reference) => other.actions.some((action) => action.reference === reference)),
];

/** The document, and what its writer does not see where it was. */
function merged(world: World, who: string, is: TemplateIs, document: TemplateDocument): TemplateIs {
  const wanted = document.actions.map((action): ActionIs => {
    const plan = is.actions.find(({ reference }) => reference === action.reference)?.plan;
    const keeps = action.plan === undefined && plan !== undefined && !readsPlan(world, who, plan);
    return keeps ? { ...action, plan } : action;
  });
  const actions: ActionIs[] = [];
  for (const old of is.actions) {
    if (!readsAction(world, who, is, old)) actions.push(old);
    else {
      const next = wanted.shift();
      if (next !== undefined) actions.push(next);
    }
  }
  return { ...document, actions: [...actions, ...wanted] };
}

function writeTemplate(world: World, who: string, document: TemplateDocument): string {
  const is = world.templates.get(document.reference);
  const next = is === undefined ? document : merged(world, who, is, document);
  if (is === undefined) world.makers.set(document.reference, who);
  world.templates.set(document.reference, next);
  const whole = (one: TemplateIs): unknown => [
    one.level,
    one.users,
    one.managers,
    one.actions.map((action) => [action.reference, fieldsOf(action)]),
  ];
  return is === undefined ? "created" : same(whole(is), whole(next)) ? "unchanged" : "updated";
}

/** Why somebody may not make a jet of a template. */
function makingRefusal(world: World, who: string, template: string): string | undefined {
  const is = world.templates.get(template);
  if (is === undefined || !readsTemplate(world, who, is)) return "unknown_template";
  if (levelOf(world, who) === "user") return "forbidden";
  const create = is.actions.find(({ reference }) => reference === CREATE);
  return create === undefined || readsAction(world, who, is, create) ? undefined : "forbidden";
}

function jetRefusal(
  world: World,
  who: string,
  { reference, template }: JetDocument,
  along: string | undefined,
): string | undefined {
  const is = world.jets.get(reference);
  const making = makingRefusal(world, who, template);
  const refused = making === "unknown_template" && along === template ? undefined : making;
  if (is === undefined) return refused;
  // A name is taken also by what may not be seen.
  if (!readsJet(world, who, is)) return refused ?? "already_exists";
  if (!changesJet(world, who, is)) return "forbidden";
  return is.template === template ? undefined : refused;
}

function writeJet(world: World, who: string, { reference, template, users, managers }: JetDocument): string {
  const is = world.jets.get(reference);
  const joins = is === undefined || is.managers.includes(who);
  const all = joins && !managers.includes(who) ? [...managers, who] : managers;
  const next: JetIs =
    is === undefined
      ? { reference, template, users, managers: all, incarnation: ++world.incarnations, isResting: false }
      : { ...is, template, users, managers: all };
  world.jets.set(reference, next);
  if (is === undefined) return "created";
  return same([is.template, is.users, is.managers], [template, users, all]) ? "unchanged" : "updated";
}

function createJet(world: World, { id, by, jet }: Extract<Operation, { kind: "create jet" }>): Outcome {
  const refused = makingRefusal(world, by, jet.template);
  if (refused !== undefined) return no(refused);
  const template = world.templates.get(jet.template);
  const create = template?.actions.find(({ reference }) => reference === CREATE);
  if (create === undefined) return no("unknown_action");
  if (world.jets.has(jet.reference)) return no("already_exists");
  const managers = [...new Set([...jet.managers, by])];
  const incarnation = ++world.incarnations;
  world.jets.set(jet.reference, {
    ...jet,
    users: [...new Set(jet.users)],
    managers,
    incarnation,
    isResting: true,
    last: CREATE,
  });
  noteRun(world, id, by, jet.reference, incarnation, create);
  return yes({ outcome: "SUCCESS", state: RESTING });
}

function noteRun(
  world: World,
  id: number,
  by: string,
  jet: string,
  incarnation: number,
  action: ActionIs,
): void {
  const { reference, level, plan } = action;
  const run = { by, jet, incarnation, action: reference, level };
  world.runs.set(id, plan === undefined ? run : { ...run, plan });
}

function trigger(world: World, asked: Extract<Operation, { kind: "trigger" }>): Outcome {
  const { id, by, via } = asked;
  const jet = world.jets.get(asked.jet);
  if (jet === undefined || !readsJet(world, by, jet)) return no("unknown_jet");
  const template = world.templates.get(jet.template);
  const action = template?.actions.find(({ reference }) => reference === asked.action);
  if (template === undefined || action === undefined || !readsAction(world, by, template, action))
    return no("unknown_action");
  if ((action.reference === CREATE) === jet.isResting) return no("action_not_available");
  noteRun(world, id, by, jet.reference, jet.incarnation, action);
  if (action.reference === REMOVE) world.jets.delete(jet.reference);
  else world.jets.set(jet.reference, { ...jet, isResting: true, last: action.reference });
  // Of a trigger of the stream the history says how it ended, and nothing of the jet.
  if (via === "stream") return yes({ outcome: "SUCCESS" });
  return yes({ outcome: "SUCCESS", ...(action.reference === REMOVE ? {} : { state: RESTING }) });
}
