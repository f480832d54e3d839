import { isWaitingForSlots } from "@jetmesh/lifecycle";
import { type ActionRecord, queueOf } from "@jetmesh/protocol";
import { offerAction, sendResume } from "@jetmesh/storage";
import type { ActionAt, Deps } from "./deps.ts";

/**
 * Begins an action whose record is made. It is offered to a runner first, which writes the record with its claim in it and
 * needs no resume (ADR 0024); where nobody takes it, it is written here. Both expect that nothing was written, so that one
 * alone succeeds. Begun again after a crash it finds the record there and only sends the hint again. Gives the record where
 * it is ended already and so is to be settled at once.
 */
export async function beginAction(
  deps: Deps,
  record: ActionRecord,
  text: string,
): Promise<ActionAt | undefined> {
  const isSleeping = record.state === "SLEEPING";
  // One that is to wait is nothing for a runner yet; the ticker sends its hint.
  const waits = isSleeping && record.timers.notBefore !== undefined;
  const needsSlots = isWaitingForSlots(record);
  // Before anything is written: what lies where nobody takes from would wait for a reader that nobody makes.
  if (isSleeping && (record.labels ?? record.lane) !== undefined) await deps.queues.ensure(queueOf(record));
  if (
    isSleeping &&
    !waits &&
    !needsSlots &&
    (await offerAction(deps.connection, deps.names, record, text, deps.instance))
  )
    return undefined;
  const written = await deps.store.actions.swap(record.id, record, 0, { point: "action.make", text });
  if (written.kind === "conflict") {
    const there = await deps.store.actions.get(record.id);
    if (there.kind !== "record") return undefined;
    if (isWaitingForSlots(there.value)) deps.slots.wait({ record: there.value, revision: there.revision });
    else if (there.value.state === "SLEEPING")
      await sendResume(deps.connection, deps.names, there.value, there.revision);
    return there.value.state === "SUCCESS" || there.value.state === "ERROR"
      ? { record: there.value, revision: there.revision }
      : undefined;
  }
  if (!isSleeping) return { record, revision: written.revision };
  if (needsSlots) deps.slots.wait({ record, revision: written.revision });
  if (waits || needsSlots) return undefined;
  deps.pressure.noteHandedOn();
  await sendResume(deps.connection, deps.names, record, written.revision, text);
  return undefined;
}
