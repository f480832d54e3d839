import type { Connection } from "./connection.ts";
import { readNext, type StoredMessage } from "./stored-messages.ts";

export interface Leftover extends StoredMessage {
  readonly consumer: string;
}

/**
 * Messages of a work queue that lie at or below the acknowledgements of their consumer, so that it gives them to
 * nobody any more and they would stay for ever. A broker of one node that is killed writes the acknowledgement down
 * and may forget that it took the message out (22 of some 2 000 in a storm of three kills, nats-server 2.15.1). At
 * most `most`, oldest first; what is younger than `ageMs` may be on its way out at this moment.
 */
export async function findLeftovers(
  connection: Connection,
  stream: string,
  { most, ageMs, now }: { readonly most: number; readonly ageMs: number; readonly now: number },
): Promise<Leftover[]> {
  const { state } = await connection.jsm.streams.info(stream);
  const found: Leftover[] = [];
  if (state.messages === 0) return found;
  for await (const { name, config, ack_floor: floor } of connection.jsm.consumers.list(stream)) {
    const filters = config.filter_subjects ?? [config.filter_subject ?? ">"];
    for (const filter of filters) {
      let from = state.first_seq;
      while (from <= floor.stream_seq && found.length < most) {
        const message = await readNext(connection, stream, from, filter);
        if (message === undefined || message.sequence > floor.stream_seq) break;
        if (now - message.storedAt >= ageMs) found.push({ ...message, consumer: name });
        from = message.sequence + 1;
      }
    }
  }
  return found;
}
