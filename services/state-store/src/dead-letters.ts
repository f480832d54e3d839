import { toInstant } from "@jetmesh/lifecycle";
import { type DeadLetter, MAX_DEAD_BYTES } from "@jetmesh/protocol";
import { type QueueMessage, writeRepeatable } from "@jetmesh/storage";
import type { Deps } from "./deps.ts";

export interface DeadMessage
  extends Pick<QueueMessage, "subject" | "data">,
    Partial<Pick<QueueMessage, "stream" | "sequence" | "deliveries" | "headers">> {
  /** Where `data` was cut before it came here. */
  readonly size?: number;
}

/** Puts aside what cannot be processed, with why, where it came from and its first 64 KB. */
export async function writeDead(
  deps: Pick<Deps, "connection" | "names" | "clock" | "log">,
  message: DeadMessage,
  code: string,
  reason: string,
): Promise<void> {
  const { stream, sequence, deliveries, headers, data, size = data.length } = message;
  const letter: DeadLetter = {
    v: 1,
    // What was sent may be part of what is said about it.
    reason: reason.slice(0, MOST_REASON),
    code,
    at: toInstant(deps.clock.now()),
    origin: {
      stream: stream ?? "none",
      subject: message.subject,
      ...(sequence === undefined ? {} : { sequence }),
      ...(deliveries === undefined ? {} : { deliveries }),
    },
    ...(headers === undefined || headers.size === 0 ? {} : { headers: Object.fromEntries(headers) }),
    size,
    data: Buffer.from(data.subarray(0, MAX_DEAD_BYTES)).toString("base64"),
  };
  deps.log.warn({ subject: message.subject, code, reason: letter.reason }, "dead letter");
  const id = sequence === undefined ? {} : { messageId: `${stream ?? ""}.${String(sequence)}` };
  await writeRepeatable(deps.connection, deps.names.dead.of(stream ?? "none"), JSON.stringify(letter), {
    point: "dead.letter",
    ...id,
  });
}

const MOST_REASON = 2_000;
