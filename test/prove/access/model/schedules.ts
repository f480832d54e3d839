import type { Operation, Outcome } from "./operations.ts";
import { no, yes } from "./outcome.ts";
import { isKnown, isRoot, readsAction, readsJet, readsSchedule, seesManagers } from "./rules.ts";
import type { ScheduleIs, World } from "./world.ts";

/** Schedules as docs/schedules.md and docs/access.md have them; here none of them ever falls due. */
type Does = ScheduleIs["does"];

/** Why somebody may not do themselves what a schedule does. */
function doingRefusal(world: World, who: string, does: Does): string | undefined {
  // Actions of no jet are managers' to make.
  if (does === undefined) return seesManagers(world, who) ? undefined : "forbidden";
  const jet = world.jets.get(does.jet);
  if (jet === undefined || !readsJet(world, who, jet)) return "unknown_jet";
  const template = world.templates.get(jet.template);
  const action = template?.actions.find(({ reference }) => reference === does.action);
  return template !== undefined && action !== undefined && readsAction(world, who, template, action)
    ? undefined
    : "unknown_action";
}

/** Managers', up to their level, and what may be read; root's all. */
const writes = (world: World, who: string, is: ScheduleIs): boolean =>
  isRoot(world, who) || (seesManagers(world, who) && is.level !== "root" && readsSchedule(world, who, is));

export function setSchedule(
  world: World,
  { by, schedule, level, does }: Extract<Operation, { kind: "set schedule" }>,
): Outcome {
  const is = world.schedules.get(schedule);
  if (!isKnown(world, by)) return no("unknown_schedule");
  if (is !== undefined && !readsSchedule(world, by, is)) return no("forbidden");
  const same = is !== undefined && !is.isPaused && is.level === level && isSame(is.does, does);
  if (same) return yes(["unchanged"]);
  const may =
    isRoot(world, by) ||
    (seesManagers(world, by) && level !== "root" && (is === undefined || writes(world, by, is)));
  if (!may) return no("forbidden");
  const refused = doingRefusal(world, by, does);
  if (refused !== undefined) return no(refused);
  // Whoever changes it answers for all of it.
  const next = { reference: schedule, level, owner: by, isPaused: false };
  world.schedules.set(schedule, does === undefined ? next : { ...next, does });
  return yes([is === undefined ? "created" : "updated"]);
}

const isSame = (one: Does, other: Does): boolean => one?.jet === other?.jet && one?.action === other?.action;

export function pauseSchedule(
  world: World,
  { by, schedule, isPaused }: Extract<Operation, { kind: "pause schedule" }>,
): Outcome {
  const is = world.schedules.get(schedule);
  if (is === undefined || !readsSchedule(world, by, is)) return no("unknown_schedule");
  if (!writes(world, by, is)) return no("forbidden");
  const refused = isPaused ? undefined : doingRefusal(world, by, is.does);
  if (refused !== undefined) return no(refused);
  if (is.isPaused === isPaused) return yes(scheduleFor(world, by, is));
  const next = { ...is, isPaused, owner: isPaused ? is.owner : by };
  world.schedules.set(schedule, next);
  return yes(scheduleFor(world, by, next));
}

export function deleteSchedule(world: World, by: string, name: string): Outcome {
  const is = world.schedules.get(name);
  if (!isKnown(world, by)) return no("unknown_schedule");
  if (!isRoot(world, by) && (is === undefined || !writes(world, by, is))) return no("forbidden");
  if (is === undefined) return no("unknown_schedule");
  world.schedules.delete(name);
  return yes(name);
}

/** What somebody who reads it is shown. */
export const scheduleFor = (
  world: World,
  who: string,
  { reference, level, owner, isPaused, does }: ScheduleIs,
): unknown => ({
  reference,
  level,
  isPaused,
  does: does ?? "makes an action",
  owner: seesManagers(world, who) ? owner : "hidden",
});
