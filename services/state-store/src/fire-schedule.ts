import { decideFiring, settled, toMs } from "@jetmesh/lifecycle";
import {
  definitionKey,
  type Fired,
  type Firing,
  type ScheduleDefinition,
  type ScheduleRecord,
  scheduleKey,
} from "@jetmesh/protocol";
import { actionIdOfFiring, askOneAccess } from "@jetmesh/service-kit";
import { type Disposal, type QueueMessage, type Stored, UnavailableError } from "@jetmesh/storage";
import { arm } from "./arm-schedule.ts";
import { accessOf, carryOut } from "./carry-out-firing.ts";
import { writeDead } from "./dead-letters.ts";
import type { Deps } from "./deps.ts";

const ACK: Disposal = { kind: "ack" };
/** A hint that makes its handler throw this often is put aside; whoever watches the schedule goes on. */
const MOST_DELIVERIES = 5;
/** More lost races than this for one schedule mean that something is wrong. */
const MOST_TRIES = 50;

/** A schedule is due, says the broker: look, fire, have the next kept, acknowledge. */
export async function handleDue(deps: Deps, message: QueueMessage): Promise<Disposal> {
  const schedule = deps.names.schedule.parse(message.subject);
  if (schedule === undefined) {
    await writeDead(deps, message, "invalid_request", "the subject names no schedule");
    return ACK;
  }
  try {
    await fireSchedule(deps, schedule);
    return ACK;
  } catch (thrown) {
    if (thrown instanceof UnavailableError) {
      deps.log.warn({ schedule, why: thrown.message }, "a schedule stays due");
      return { kind: "retry", afterMs: Math.min(10_000, 250 * message.deliveries) };
    }
    if (message.deliveries < MOST_DELIVERIES) {
      deps.log.error({ err: thrown, schedule }, "a schedule failed, tried again");
      return { kind: "retry", afterMs: 500 * message.deliveries };
    }
    const reason = `failed ${String(message.deliveries)} times: ${String(thrown)}`;
    await writeDead(deps, message, "internal", reason);
    return ACK;
  }
}

/**
 * Sees to what is due of a schedule, and to what somebody left half done. The order of the writes is what it rests on:
 *
 *   1  the record, with what is due taken out of `next` into `firing`: that decides it
 *   2  what it does, under an id that is computed from the instant
 *   3  the record, with how it came out
 *   4  the hint for the next one; then the one that came is acknowledged
 *
 * A crash behind any of them leaves a record from which anybody goes on.
 */
export function fireSchedule(deps: Deps, schedule: string): Promise<void> {
  // No jet has such a name: one at a time for each schedule in this process.
  return deps.lanes.run(scheduleKey(schedule), async () => {
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const stored = await deps.store.schedules.get(scheduleKey(schedule));
      if (stored.kind === "unreadable")
        throw new Error(`the record of schedule '${schedule}' cannot be read: ${stored.why}`);
      // Deleted, or of a mesh that was: nothing is due.
      if (stored.kind !== "record") return;
      const { value: record, revision } = stored;
      const { firing } = record;
      const done =
        firing === undefined
          ? await fireNext(deps, schedule, record, revision)
          : await finish(deps, schedule, { ...record, firing }, revision, true);
      if (done === "nothing due")
        return record.next === undefined ? undefined : arm(deps, schedule, record.next);
    }
    throw new Error(`lost the race for schedule '${schedule}' ${String(MOST_TRIES)} times`);
  });
}

type Done = "nothing due" | "look again";

async function fireNext(
  deps: Deps,
  schedule: string,
  record: ScheduleRecord,
  revision: number,
): Promise<Done> {
  const { next } = record;
  if (next === undefined || toMs(next) > deps.clock.now()) return "nothing due";
  // Behind the record: what is written from here on makes the write below a conflict.
  const found = await deps.store.definitions.get(definitionKey("Schedule", schedule));
  // Deleted since the record was read.
  if (found.kind === "absent" || found.kind === "gone") return "look again";
  const owner = found.kind === "record" ? (found.value.owner ?? found.value.createdBy) : undefined;
  if (found.kind !== "record" || found.value.definition.kind !== "Schedule" || owner === undefined)
    throw new Error(`the definition of schedule '${schedule}' cannot be read`);
  const { definition } = found.value;
  // Nothing is decided while nobody can be asked whether it may be done: then it is late, and judged so.
  await askOneAccess(deps, accessOf(owner, definition));
  const facts = {
    definition,
    owner,
    isOpen: definition.overlap === "skip" && (await isOpen(deps, record, definition)),
    by: deps.instance,
    idOf: (at: string) => actionIdOfFiring(schedule, at),
  };
  const decided = decideFiring(record, facts, deps.clock.now());
  if (decided === undefined) return "nothing due";
  const point = "schedule.fire";
  const written = await deps.store.schedules.swap(scheduleKey(schedule), decided, revision, { point });
  return written.kind === "conflict"
    ? "look again"
    : finish(deps, schedule, decided, written.revision, false);
}

/** `isLeft`: by somebody who may have done any part of it. */
async function finish(
  deps: Deps,
  schedule: string,
  record: ScheduleRecord & { readonly firing: Firing },
  revision: number,
  isLeft: boolean,
): Promise<Done> {
  const outcome: Omit<Fired, "at" | "id"> = await carryOut(deps, schedule, record.firing, isLeft);
  const { at, id } = record.firing;
  deps.log.info({ schedule, at, action: id, ...outcome }, "a schedule fired");
  const next = settled(record, outcome, deps.instance);
  await deps.store.schedules.swap(scheduleKey(schedule), next, revision, { point: "schedule.settle" });
  return "look again";
}

/** Whether what it began last has not ended: it runs, or waits for its jet. */
async function isOpen(
  deps: Deps,
  { begun }: ScheduleRecord,
  { trigger }: ScheduleDefinition,
): Promise<boolean> {
  if (begun === undefined) return false;
  const stored: Stored<{ readonly outcome?: string | undefined }> = await deps.store.actions.get(begun.id);
  if (stored.kind === "record") return stored.value.outcome === undefined;
  if (stored.kind !== "absent" || trigger === undefined) return false;
  const at = await deps.jets.load(trigger.jet, true);
  return (
    at?.jet.open?.id === begun.id ||
    at?.jet.queue.some(({ id, canceled }) => id === begun.id && canceled === undefined) === true
  );
}
