import type { JsMsg } from "@nats-io/jetstream";
import { DeliverPolicy } from "@nats-io/jetstream";
import type { Connection } from "./connection.ts";
import { ofClient, UnavailableError } from "./errors.ts";
import { readNext } from "./stored-messages.ts";

interface Given {
  readonly cursor?: number;
  readonly since?: Date;
  readonly most: number;
}
type Visit = (message: JsMsg) => "more" | "enough";

/**
 * Reads messages under a filter in their order, from after `cursor` on, until `visit` says that it has enough or
 * `most` were looked at. Gives the sequence to go on from, or undefined where everything was seen: a record that is
 * rewritten meanwhile moves to the end of its stream, and may be seen twice, never missed (ADR 0030). Throws
 * `UnavailableError` where the broker does not answer.
 */
export async function readStream(
  connection: Connection,
  stream: string,
  filter: string,
  given: Given,
  visit: Visit,
): Promise<number | undefined> {
  // What `visit` throws is the caller's own.
  let visited: unknown;
  const look: Visit = (message) => {
    try {
      return visit(message);
    } catch (thrown) {
      visited = thrown;
      throw thrown;
    }
  };
  return readRounds(connection, stream, filter, given, look).catch((thrown: unknown) => {
    throw visited === undefined ? ofClient(thrown, `reading ${stream}`) : thrown;
  });
}

/** A stream that is written faster than this many rounds read it has no end that could be waited for. */
const MOST_ROUNDS = 20;

/**
 * What a consumer says that it has left is too little by whatever moved out of its way, so the end that it comes to may
 * be none: the leader is asked whether there is more, and another consumer begins there.
 */
async function readRounds(
  connection: Connection,
  stream: string,
  filter: string,
  { cursor = 0, since, most }: Given,
  visit: Visit,
): Promise<number | undefined> {
  let last = cursor;
  let left = most;
  for (let round = 1; round <= MOST_ROUNDS; round += 1) {
    const from = round === 1 && since !== undefined ? since : last + 1;
    // In a cluster a consumer may not have yet what the leader has: then it is waited for.
    const least = round === 1 ? 0 : 1;
    const read = await readRound(connection, stream, filter, { from, least, most: left }, visit);
    if (read.wanted === 0) return undefined;
    last = read.last ?? last;
    left -= read.count;
    if ((await readNext(connection, stream, last + 1, filter)) === undefined) return undefined;
    if (read.isEnough || left <= 0) return last;
    if (read.count === 0) throw new UnavailableError(`no answer while reading ${stream}`);
  }
  return undefined;
}

interface Round {
  readonly wanted: number;
  readonly count: number;
  readonly last: number | undefined;
  readonly isEnough: boolean;
}

async function readRound(
  connection: Connection,
  stream: string,
  filter: string,
  { from, least, most }: { readonly from: number | Date; readonly least: number; readonly most: number },
  visit: Visit,
): Promise<Round> {
  const consumer = await connection.js.consumers.get(stream, {
    ...(typeof from === "number"
      ? { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: from }
      : { deliver_policy: DeliverPolicy.StartTime, opt_start_time: from.toISOString() }),
    filter_subjects: [filter],
    inactive_threshold: 5_000,
  });
  const { num_pending: pending } = await consumer.info(true);
  const wanted = Math.min(Math.max(pending, least), most);
  let last: number | undefined;
  let count = 0;
  while (count < wanted) {
    const batch = await consumer.fetch({ max_messages: Math.min(wanted - count, 500), expires: 3_000 });
    const before = count;
    for await (const message of batch) {
      count += 1;
      last = message.seq;
      const isEnough = visit(message) === "enough";
      if (!isEnough && message.info.pending > 0) continue;
      batch.stop();
      return { wanted, count, last, isEnough };
    }
    if (count === before) break;
  }
  return { wanted, count, last, isEnough: false };
}
