import type { Definition, Fired, ScheduleView } from "@jetmesh/protocol";
import { dateTime } from "./table.ts";

/** What is shown of a schedule. */
const viewOf = (one: Definition): ScheduleView | undefined => (one.kind === "Schedule" ? one : undefined);

/** `0 3 * * * Europe/Berlin`, `every 10m`. */
export function whenOf({ cron, every, timeZone }: ScheduleView): string {
  if (cron === undefined) return `every ${shortDuration(every ?? 0)}`;
  return timeZone === "UTC" ? cron : `${cron} ${timeZone}`;
}

/** `web1 restart`, or the kind of what it makes. */
export const doesOf = ({ trigger, create }: ScheduleView): string =>
  trigger === undefined ? (create?.kind ?? "") : `${trigger.jet} ${trigger.action}`;

const nextOf = ({ next, paused }: ScheduleView): string =>
  next === undefined ? (paused ? "paused" : "never") : dateTime(next);

const WORDS: Readonly<Record<Fired["outcome"], string>> = {
  begun: "begun",
  refused: "refused",
  left_out: "left out",
};
const lastOf = ({ last }: ScheduleView): string =>
  last === undefined
    ? ""
    : `${dateTime(last.at)} ${WORDS[last.outcome]}${last.code === undefined ? "" : ` (${last.code})`}`;

const column =
  (of: (view: ScheduleView) => string) =>
  (one: Definition): string => {
    const view = viewOf(one);
    return view === undefined ? "" : of(view);
  };

export const SCHEDULE_COLUMNS: readonly (readonly [string, (one: Definition) => string])[] = [
  ["WHEN", column(whenOf)],
  ["DOES", column(doesOf)],
  ["NEXT", column(nextOf)],
  ["LAST", column(lastOf)],
];

/** As lines beside the definition. */
export function scheduleNotes(one: Definition): string[] {
  const view = viewOf(one);
  if (view === undefined) return [];
  const { owner, last } = view;
  return [
    ...(owner === undefined ? [] : [`owner: ${owner}`]),
    `next: ${nextOf(view)}`,
    ...(last === undefined
      ? []
      : [`last: ${lastOf(view)}${last.message === undefined ? "" : `: ${last.message}`}`]),
  ];
}

const UNITS = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
] as const;

/** As people write it, in the largest unit that it is whole in. */
export function shortDuration(ms: number): string {
  const [unit, size] = UNITS.find(([, whole]) => ms % whole === 0) ?? ["ms", 1];
  return `${String(ms / size)}${unit}`;
}
