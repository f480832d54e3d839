import { CREATE, type Operation, type Outcome } from "./operations.ts";
import { no, yes } from "./outcome.ts";
import {
  changesJet,
  isKnown,
  isRoot,
  readsAction,
  readsJet,
  readsPlan,
  readsRun,
  readsSchedule,
  readsTemplate,
  readsUser,
  writes,
} from "./rules.ts";
import { scheduleFor } from "./schedules.ts";
import { actionFor, availableFor, jetFor, runFor, templateFor } from "./views.ts";
import type { ActionIs, World } from "./world.ts";

/** Of a jet that rests no action is on the way; of one without a state the one that creates. */
export function wayOf(
  world: World,
  who: string,
  reference: string,
): Outcome | { readonly action?: ActionIs } {
  const jet = world.jets.get(reference);
  if (jet === undefined || !readsJet(world, who, jet)) return no("unknown_jet");
  if (jet.isResting) return {};
  const template = world.templates.get(jet.template);
  const action = template?.actions.find((one) => one.reference === CREATE);
  if (template === undefined || action === undefined || !readsAction(world, who, template, action))
    return no("no_path");
  return { action };
}

/** What somebody is shown. */
export function read(world: World, { by, what, of }: Extract<Operation, { kind: "read" }>): Outcome {
  const jet = world.jets.get(of);
  const template = world.templates.get(of);
  const run = world.runs.get(Number(of));
  const names = <T>(all: ReadonlyMap<string, T>, reads: (name: string, one: T) => boolean): string[] =>
    [...all]
      .filter(([name, one]) => reads(name, one))
      .map(([name]) => name)
      .toSorted();
  switch (what) {
    case "jet":
      return jet !== undefined && readsJet(world, by, jet) ? yes(jetFor(world, by, jet)) : no("unknown_jet");
    case "jets": {
      const seen = names(world.jets, (_, one) => readsJet(world, by, one));
      return yes(seen.flatMap((name) => [world.jets.get(name)].map((one) => one && jetFor(world, by, one))));
    }
    case "actions of the jet":
      if (jet === undefined || !readsJet(world, by, jet)) return no("unknown_jet");
      return yes(availableFor(world, by, jet));
    case "template":
      if (template === undefined || !readsTemplate(world, by, template)) return no("unknown_template");
      return yes(templateFor(world, by, template));
    case "templates": {
      const seen = names(world.templates, (_, one) => readsTemplate(world, by, one));
      return yes(
        seen.flatMap((name) => [world.templates.get(name)].map((one) => one && templateFor(world, by, one))),
      );
    }
    case "plan":
      return readsPlan(world, by, of) ? yes(of) : no("unknown_plan");
    case "plans":
      return yes(names(world.plans, (name) => readsPlan(world, by, name)));
    case "schedule": {
      const is = world.schedules.get(of);
      return is !== undefined && readsSchedule(world, by, is)
        ? yes(scheduleFor(world, by, is))
        : no("unknown_schedule");
    }
    case "schedules": {
      const seen = names(world.schedules, (_, one) => readsSchedule(world, by, one));
      return yes(
        seen.flatMap((name) => [world.schedules.get(name)].map((one) => one && scheduleFor(world, by, one))),
      );
    }
    case "user":
      return readsUser(world, by, of) ? yes([of, world.users.get(of)]) : no("unknown_user");
    case "users":
      return yes(names(world.users, (name) => readsUser(world, by, name)));
    case "state":
      return isKnown(world, by) ? yes(of) : no("unknown_state");
    case "runs of the jet":
      return yes(
        [...world.runs]
          .filter(([, one]) => one.jet === of && readsRun(world, by, one))
          .map(([id, one]) => [id, runFor(world, by, one)])
          .toSorted(([a], [b]) => Number(a) - Number(b)),
      );
    case "run":
      return run !== undefined && readsRun(world, by, run) ? yes(runFor(world, by, run)) : no("unknown_run");
    case "output of the run":
      return run !== undefined && readsRun(world, by, run) ? yes("output") : no("unknown_run");
    case "way of the jet": {
      const way = wayOf(world, by, of);
      if ("ok" in way) return way;
      return yes(way.action === undefined ? [] : [actionFor(world, by, way.action)]);
    }
    case "export":
      return yes([
        ...names(world.users, (name) => readsUser(world, by, name)).map((name) => `User ${name}`),
        ...names(world.plans, (name) => readsPlan(world, by, name)).map((name) => `Plan ${name}`),
        ...names(world.templates, (_, one) => readsTemplate(world, by, one)).map(
          (name) => `Template ${name}`,
        ),
        ...names(world.jets, (_, one) => readsJet(world, by, one)).map((name) => `Jet ${name}`),
        ...names(world.schedules, (_, one) => readsSchedule(world, by, one)).map(
          (name) => `Schedule ${name}`,
        ),
      ]);
    case "secrets of the jet":
      if (jet === undefined || !readsJet(world, by, jet)) return no("unknown_jet");
      return changesJet(world, by, jet) ? yes([]) : no("forbidden");
    case "secrets of the template":
      if (template === undefined || !readsTemplate(world, by, template)) return no("unknown_template");
      return writes(world, by, template.level, template.managers) ? yes([]) : no("forbidden");
    case "secrets of the mesh":
      return isRoot(world, by) ? yes([]) : no("forbidden");
    case "dead letters":
      return isRoot(world, by) ? yes("letters") : no("forbidden");
  }
}
