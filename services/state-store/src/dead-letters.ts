import { toInstant } from "@jetmesh/lifecycle";
import { type DeadLetter, MAX_DEAD_BYTES } from "@jetmesh/protocol";
import { type QueueMessage, writeRepeatable } from "@jetmesh/storage";
import type { Deps } from "./deps.ts";

/** Puts aside what cannot be processed, with why, where it came from and its first 64 KB. */
export async function writeDead(
  deps: Pick<Deps, "connection" | "names" | "clock" | "log">,
  message: Pick<QueueMessage, "subject" | "data"> &
    Partial<Pick<QueueMessage, "stream" | "sequence" | "deliveries" | "headers">>,
  code: string,
  reason: string,
): Promise<void> {
  const { stream, sequence, deliveries, headers } = message;
  const letter: DeadLetter = {
    v: 1,
    reason,
    code,
    at: toInstant(deps.clock.now()),
    origin: {
      stream: stream ?? "none",
      subject: message.subject,
      ...(sequence === undefined ? {} : { sequence }),
      ...(deliveries === undefined ? {} : { deliveries }),
    },
    ...(headers === undefined || headers.size === 0 ? {} : { headers: Object.fromEntries(headers) }),
    size: message.data.length,
    data: Buffer.from(message.data.subarray(0, MAX_DEAD_BYTES)).toString("base64"),
  };
  deps.log.warn({ subject: message.subject, code, reason }, "dead letter");
  const id = sequence === undefined ? {} : { messageId: `${stream ?? ""}.${String(sequence)}` };
  await writeRepeatable(deps.connection, deps.names.dead.of(stream ?? "none"), JSON.stringify(letter), {
    point: "dead.letter",
    ...id,
  });
}
