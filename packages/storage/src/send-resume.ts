import { type ActionRecord, type Names, queueOf } from "@jetmesh/protocol";
import type { Connection } from "./connection.ts";
import { writeRepeatable } from "./writer.ts";

/** Above this a hint goes without its record: whoever takes it reads it. */
export const MAX_CARRIED_BYTES = 64 * 1024;

/**
 * A hint to look at an action, with the record as it was just written, so that a claim needs no read. Sent again
 * it replaces the one before (one message a subject). `text`: the record as JSON, where its writer has it.
 */
export async function sendResume(
  connection: Connection,
  names: Names,
  record: ActionRecord,
  revision: number,
  text = JSON.stringify(record),
): Promise<void> {
  const head = `{"v":1,"id":${JSON.stringify(record.id)}`;
  const body =
    text.length <= MAX_CARRIED_BYTES
      ? `${head},"revision":${String(revision)},"record":${text}}`
      : `${head}}`;
  await writeRepeatable(connection, names.resume.of(queueOf(record), record.id), body, {
    point: "resume.send",
  });
}
