import {
  type Fired,
  type Firing,
  type Instant,
  lastOfCron,
  nextOfCron,
  type ScheduleDefinition,
  type ScheduleRecord,
} from "@jetmesh/protocol";
import { match } from "ts-pattern";
import { type Now, toInstant, toMs } from "./instants.ts";

/**
 * The course of a schedule (ADR 0032), pure. Its record says what falls due next; a message of the broker only says that
 * it is time to look.
 *
 *   F1  What falls due is decided once, by the write that takes it out of `next`; carried out it is under an id that is
 *       computed from the schedule and the instant. So it is one action, whoever carries it out how often.
 *   F2  `next` lies behind every instant that was decided, and behind the moment at which its timing was applied.
 *   F3  Of what fell due while nobody could see to it at most the last is done, and what is left out is said.
 */
type Timing = ScheduleRecord["timing"];

/** What is seen to within this is on time. */
export const ON_TIME_MS = 10_000;

export const timingOf = ({ cron, every, timeZone }: ScheduleDefinition): Timing => ({
  ...(cron === undefined ? {} : { cron }),
  ...(every === undefined ? {} : { every }),
  timeZone,
});

/** The first instant behind `after` at which it falls due; undefined where there is none. */
export function nextDue({ cron, every, timeZone }: Timing, since: Now, after: Now): Now | undefined {
  if (cron !== undefined) return nextOfCron({ cron, timeZone }, after);
  if (every === undefined) return undefined;
  return since + (Math.max(0, Math.floor((after - since) / every)) + 1) * every;
}

/** The last instant until `until` at which it fell due, where it did so at `from`. */
function lastDue({ cron, every, timeZone }: Timing, from: Now, until: Now): Now {
  if (cron !== undefined) return Math.max(from, lastOfCron({ cron, timeZone }, until) ?? from);
  return every === undefined ? from : from + Math.floor((until - from) / every) * every;
}

const isSameTiming = (one: Timing, other: Timing): boolean =>
  one.cron === other.cron && one.every === other.every && one.timeZone === other.timeZone;

/**
 * The record of a schedule that is applied, paused or resumed. A timing that stays as it was goes on as it was; a new one
 * counts from now, and so does one that was paused.
 */
export function timed(
  definition: ScheduleDefinition,
  is: ScheduleRecord | undefined,
  by: string,
  now: Now,
): ScheduleRecord {
  const timing = timingOf(definition);
  const { next: before, ...rest } = is ?? { v: 1 as const };
  const isSame = is !== undefined && isSameTiming(is.timing, timing);
  const since = isSame ? is.since : toInstant(now);
  const counted = (): Instant | undefined => instantOf(nextDue(timing, toMs(since), now));
  const next = definition.paused ? undefined : isSame ? (before ?? counted()) : counted();
  return { ...rest, by, timing, since, ...(next === undefined ? {} : { next }) };
}

const instantOf = (ms: Now | undefined): Instant | undefined =>
  ms === undefined ? undefined : toInstant(ms);

export interface FiringFacts {
  readonly definition: ScheduleDefinition;
  readonly owner: string;
  /** Whether the action that it began last is still open. */
  readonly isOpen: boolean;
  readonly by: string;
  readonly idOf: (at: Instant) => string;
}

/** Takes what is due out of `next`, to be carried out; undefined where nothing is. */
export function decideFiring(
  is: ScheduleRecord,
  { definition, owner, isOpen, by, idOf }: FiringFacts,
  now: Now,
): (ScheduleRecord & { readonly firing: Firing }) | undefined {
  const due = is.next === undefined ? undefined : toMs(is.next);
  if (due === undefined || due > now || is.firing !== undefined || definition.paused) return undefined;
  const last = lastDue(is.timing, due, now);
  const at = toInstant(last);
  const { trigger, create } = definition;
  const firing: Firing = {
    at,
    id: idOf(at),
    owner,
    ...(trigger === undefined ? {} : { trigger: { ...trigger, ...onBusyOf(definition) } }),
    ...(create === undefined ? {} : { create }),
    ...leftOut(definition, isOpen, last, now),
    ...(last > due ? { missed: missedOf(toInstant(due), at, idOf) } : {}),
  };
  const next = instantOf(nextDue(is.timing, toMs(is.since), now));
  const { next: _due, ...rest } = is;
  return { ...rest, by, firing, ...(next === undefined ? {} : { next }) };
}

const onBusyOf = ({ overlap }: ScheduleDefinition): { onBusy?: "queue" } =>
  overlap === "queue" ? { onBusy: "queue" } : {};

/** All from the one until before the other. */
const missedOf = (from: Instant, until: Instant, idOf: (at: Instant) => string): Firing["missed"] => ({
  from,
  until,
  // Another than that of the firing which fell due at this instant and was never decided.
  id: idOf(`${from} until ${until}`),
});

function leftOut(
  { overlap, catchUp, catchUpWindow }: ScheduleDefinition,
  isOpen: boolean,
  at: Now,
  now: Now,
): { leftOut?: NonNullable<Firing["leftOut"]> } {
  const windowMs = Math.max(
    ON_TIME_MS,
    match(catchUp)
      .with("none", () => 0)
      .with("last", () => catchUpWindow)
      .exhaustive(),
  );
  if (now - at > windowMs)
    return {
      leftOut: {
        code: "firing_missed",
        message: `it fell due at ${toInstant(at)}, and was seen to at ${toInstant(now)}`,
      },
    };
  const isSkipped = match(overlap)
    .with("skip", () => isOpen)
    .with("queue", "allow", () => false)
    .exhaustive();
  return isSkipped
    ? { leftOut: { code: "firing_overlaps", message: "the action of an earlier firing is open" } }
    : {};
}

/** A firing is over. */
export function settled(
  { firing, last: _last, ...rest }: ScheduleRecord & { readonly firing: Firing },
  { outcome, code, message }: Pick<Fired, "outcome" | "code" | "message">,
  by: string,
): ScheduleRecord {
  const { at, id } = firing;
  return {
    ...rest,
    by,
    last: {
      at,
      id,
      outcome,
      ...(code === undefined ? {} : { code }),
      ...(message === undefined ? {} : { message }),
    },
    ...(outcome === "begun" ? { begun: { at, id } } : {}),
  };
}
