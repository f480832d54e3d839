import type { JsMsg } from "@nats-io/jetstream";
import { DeliverPolicy } from "@nats-io/jetstream";
import type { Connection } from "./connection.ts";
import { ofClient, UnavailableError } from "./errors.ts";

/**
 * Reads messages under a filter in their order, from after `cursor` on, until `visit` says that it has enough or
 * `most` were looked at. Gives the sequence to go on from, or undefined where everything was seen. Throws
 * `UnavailableError` where the broker does not answer.
 */
export async function readStream(
  connection: Connection,
  stream: string,
  filter: string,
  given: { readonly cursor?: number; readonly since?: Date; readonly most: number },
  visit: (message: JsMsg) => "more" | "enough",
): Promise<number | undefined> {
  // What `visit` throws is the caller's own.
  let visited: unknown;
  const look = (message: JsMsg): "more" | "enough" => {
    try {
      return visit(message);
    } catch (thrown) {
      visited = thrown;
      throw thrown;
    }
  };
  return readOnce(connection, stream, filter, given, look).catch((thrown: unknown) => {
    throw visited === undefined ? ofClient(thrown, `reading ${stream}`) : thrown;
  });
}

async function readOnce(
  connection: Connection,
  stream: string,
  filter: string,
  given: { readonly cursor?: number; readonly since?: Date; readonly most: number },
  visit: (message: JsMsg) => "more" | "enough",
): Promise<number | undefined> {
  const start =
    given.since === undefined
      ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: (given.cursor ?? 0) + 1 }
      : { deliver_policy: DeliverPolicy.StartTime, opt_start_time: given.since.toISOString() };
  const consumer = await connection.js.consumers.get(stream, {
    ...start,
    filter_subjects: [filter],
    inactive_threshold: 5_000,
  });
  const { num_pending: pending } = await consumer.info(true);
  let last = given.cursor ?? 0;
  let left = Math.min(pending, given.most);
  while (left > 0) {
    const batch = await consumer.fetch({ max_messages: Math.min(left, 500), expires: 3_000 });
    let got = 0;
    for await (const message of batch) {
      got += 1;
      left -= 1;
      last = message.seq;
      if (visit(message) === "enough") {
        batch.stop();
        return message.info.pending > 0 ? last : undefined;
      }
      if (message.info.pending === 0) return undefined;
    }
    if (got === 0) throw new UnavailableError(`no answer while reading ${stream}`);
  }
  return pending > given.most ? last : undefined;
}
