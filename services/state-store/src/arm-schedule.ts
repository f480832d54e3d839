import type { Instant, ScheduleHint } from "@jetmesh/protocol";
import { SCHEDULE_HEADERS, scheduleKey } from "@jetmesh/protocol";
import { parseJson, readLast, removeMessage, writeRepeatable } from "@jetmesh/storage";
import type { Deps } from "./deps.ts";

/**
 * What the broker keeps for a schedule: one message, which it gives out at the instant that it names (ADR 0032). It is a
 * hint. The record says what is due, so one that is lost, late, double or of a rule that is not in force any more does no
 * harm; and so it needs no compare-and-swap: a newer one takes the place of an older.
 */
type ArmDeps = Pick<Deps, "connection" | "names">;

/** What was given out and not taken for so long is of no use: who looks after schedules has seen to it. */
const KEPT = "1h";

export async function arm({ connection, names }: ArmDeps, schedule: string, at: Instant): Promise<void> {
  const hint: ScheduleHint = { v: 1, schedule, at };
  await writeRepeatable(connection, names.schedule.armed(schedule), JSON.stringify(hint), {
    point: "schedule.arm",
    headers: [
      [SCHEDULE_HEADERS.schedule, `@at ${at}`],
      [SCHEDULE_HEADERS.target, names.schedule.due(schedule)],
      [SCHEDULE_HEADERS.ttl, KEPT],
    ],
  });
}

/** The instant that the broker waits for; undefined where it keeps nothing. */
export async function armedFor(
  { connection, names }: ArmDeps,
  schedule: string,
): Promise<Instant | undefined> {
  const kept = await readLast(connection, names.streams.schedules, names.schedule.armed(schedule));
  return kept === undefined ? undefined : (parseJson(kept.data) as ScheduleHint).at;
}

/** Takes away what it keeps. */
export async function disarm({ connection, names }: ArmDeps, schedule: string): Promise<void> {
  const { schedules } = names.streams;
  const kept = await readLast(connection, schedules, names.schedule.armed(schedule));
  if (kept !== undefined) await removeMessage(connection, schedules, kept.sequence, "schedule.disarm");
}

/** Has the broker keep what the record says, once that is written. What goes wrong here is found by whoever watches. */
export async function armAsWritten(
  deps: ArmDeps & Pick<Deps, "log" | "store">,
  schedule: string,
): Promise<void> {
  try {
    const stored = await deps.store.schedules.get(scheduleKey(schedule));
    const next = stored.kind === "record" ? stored.value.next : undefined;
    await (next === undefined ? disarm(deps, schedule) : arm(deps, schedule, next));
  } catch (thrown) {
    deps.log.warn({ err: thrown, schedule }, "not armed yet");
  }
}
