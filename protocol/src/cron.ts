import { Cron } from "croner";

/**
 * When cron expressions fall due, in a time zone: five fields, or six with the seconds first. Pure: the instants that
 * are asked about come in, nothing is started. Where the clocks go forward, what would fall due in the hour that is
 * not there does so once, as it is over; where they go back, a fixed time falls due once and `*` in both hours.
 */
export interface CronRule {
  readonly cron: string;
  readonly timeZone: string;
}

const FIELDS = /^[0-9A-Za-z*,/?#-]+$/;
const ZONE = /^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/;
/** Where a rule has not fallen due since, it never does: longer than from one 29 February on a weekday to the next. */
const SOME_INSTANT = Date.UTC(2026, 0, 1);

/** What is wrong with the time zone; undefined where nothing is. */
export function timeZoneFault(timeZone: string): string | undefined {
  try {
    if (ZONE.test(timeZone) && new Intl.DateTimeFormat("en", { timeZone }).format(SOME_INSTANT) !== "")
      return undefined;
  } catch {
    // Not known.
  }
  return `there is no time zone '${timeZone}'`;
}

/** What is wrong with the expression; undefined where nothing is. */
export function cronFault(cron: string): string | undefined {
  const fields = cron.trim().split(/\s+/);
  if (fields.length !== 5 && fields.length !== 6)
    return "must have five fields, or six with the seconds first";
  if (!fields.every((field) => FIELDS.test(field))) return "must be a cron expression, as 0 3 * * 1-5";
  try {
    const first = nextOfCron({ cron, timeZone: "UTC" }, SOME_INSTANT);
    return first === undefined ? "never falls due" : undefined;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message.replace(/^CronPattern: /, "") : String(thrown);
  }
}

/** The first instant behind `after`, in milliseconds; undefined where there is none. */
export function nextOfCron(rule: CronRule, after: number): number | undefined {
  return parsed(rule).nextRun(new Date(after))?.getTime();
}

/** The last instant that is not behind `until`. */
export function lastOfCron(rule: CronRule, until: number): number | undefined {
  // It looks at whole seconds before the one that it is given.
  const before = new Date(Math.floor(until / 1_000) * 1_000 + 1_000);
  return parsed(rule).previousRuns(1, before)[0]?.getTime();
}

/** Parsing takes longer than asking; nothing of this changes with time. */
const MOST_KEPT = 1_000;
const kept = new Map<string, Cron>();

function parsed({ cron, timeZone }: CronRule): Cron {
  const key = `${timeZone} ${cron}`;
  const before = kept.get(key);
  if (before !== undefined) return before;
  const rule = new Cron(cron, { timezone: timeZone, paused: true });
  if (kept.size >= MOST_KEPT) kept.clear();
  kept.set(key, rule);
  return rule;
}
