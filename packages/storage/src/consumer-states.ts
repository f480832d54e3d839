import type { Connection } from "./connection.ts";

/** What a consumer has before it, and how much it was ever given. */
export interface ConsumerState {
  readonly pending: number;
  readonly delivered: number;
}

interface Raw {
  readonly total?: number;
  readonly offset?: number;
  readonly limit?: number;
  readonly consumers?: readonly {
    readonly name: string;
    readonly num_pending: number;
    readonly delivered: { readonly consumer_seq: number };
  }[];
}

const MOST_PAGES = 20;

/** All consumers of a stream, by name; undefined where the broker does not answer. */
export async function readConsumers(
  connection: Connection,
  stream: string,
  timeoutMs: number,
): Promise<ReadonlyMap<string, ConsumerState> | undefined> {
  const states = new Map<string, ConsumerState>();
  for (let page = 0; page < MOST_PAGES; page += 1) {
    const request = JSON.stringify({ offset: states.size });
    const subject = `${connection.apiPrefix}.CONSUMER.LIST.${stream}`;
    const reply = await connection.pipeline.call(subject, request, undefined, timeoutMs);
    if (typeof reply === "string") return undefined;
    const { consumers = [], total = 0 } = reply.json<Raw>();
    for (const { name, num_pending: pending, delivered } of consumers)
      states.set(name, { pending, delivered: delivered.consumer_seq });
    if (consumers.length === 0 || states.size >= total) break;
  }
  return states;
}
