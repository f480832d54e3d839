import type { Definition, KeyCounts, LimitView } from "@jetmesh/protocol";
import { shortDuration } from "./schedule-fields.ts";
import { dateTime } from "./table.ts";

/** What is shown of a limit. */
const viewOf = (one: Definition): LimitView | undefined => (one.kind === "Limit" ? one : undefined);

const rateOf = ({ rate }: LimitView): string =>
  rate === undefined ? "" : `${String(rate.count)} every ${shortDuration(rate.every)}`;

const column =
  (of: (view: LimitView) => string | number | undefined) =>
  (one: Definition): string => {
    const view = viewOf(one);
    return view === undefined ? "" : String(of(view) ?? "");
  };

export const LIMIT_COLUMNS: readonly (readonly [string, (one: Definition) => string])[] = [
  ["CONCURRENCY", column(({ concurrency }) => (concurrency === 0 ? "" : concurrency))],
  ["RATE", column(rateOf)],
  ["RUNNING", column(({ slots }) => slots?.running)],
  ["WAITING", column(({ slots }) => slots?.waiting)],
  ["RETRYING", column(({ slots }) => slots?.retrying)],
];

/** As lines beside the definition: all of it, and where it has slots for each value, those. */
export function limitNotes(one: Definition): string[] {
  const slots = viewOf(one)?.slots;
  if (slots === undefined) return [];
  const { keys = [], cursor } = slots;
  const [only] = keys;
  const lines =
    only !== undefined && keys.length === 1 && only.value === undefined
      ? [lineOf("all", only)]
      : [lineOf("all", slots), ...keys.map((key) => lineOf(key.value ?? key.key, key))];
  return cursor === undefined ? lines : [...lines, "there are more"];
}

type Counts = Pick<KeyCounts, "running" | "waiting" | "retrying" | "nextAt">;

const lineOf = (what: string, { running, waiting, retrying, nextAt }: Counts): string => {
  const counts = `${String(running)} running, ${String(waiting)} waiting, ${String(retrying)} retrying`;
  return `${what}: ${counts}${nextAt === undefined ? "" : `, next at ${dateTime(nextAt)}`}`;
};
