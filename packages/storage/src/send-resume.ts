import type { ActionRecord, Names } from "@jetmesh/protocol";
import type { Connection } from "./connection.ts";
import { writeRepeatable } from "./writer.ts";

/** Above this a hint goes without its record: whoever takes it reads it. */
const MAX_CARRIED_BYTES = 64 * 1024;

/**
 * A hint to look at an action, with the record as it was just written, so that a claim needs no read. Sent again
 * it replaces the one before (one message a subject).
 */
export async function sendResume(
  connection: Connection,
  names: Names,
  record: ActionRecord,
  revision: number,
): Promise<void> {
  const whole = JSON.stringify({ v: 1, id: record.id, revision, record });
  const body = whole.length <= MAX_CARRIED_BYTES ? whole : JSON.stringify({ v: 1, id: record.id });
  await writeRepeatable(connection, names.resume.of(record.pool, record.id), body, { point: "resume.send" });
}
