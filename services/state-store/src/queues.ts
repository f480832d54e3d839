import { isMoreThanPool, isServedBy, type Names, parseQueue, poolConsumerOf } from "@jetmesh/protocol";
import { type Connection, ensureConsumer, readConsumers, UnavailableError } from "@jetmesh/storage";

/**
 * The queues that are more than a pool, each with a consumer on the broker: made before the first action of it is written,
 * and again by whoever sees an action of it that it knows no consumer of, as after a restore. Which ones there are the
 * broker knows: another state-store may have made them.
 */
export interface Queues {
  /** Back when its consumer is there. */
  ensure(queue: string): Promise<void>;
  /** An action of it is there. */
  see(queue: string | undefined): void;
  /** What was seen and has none yet. */
  due(): (() => Promise<void>)[];
  /** Those of a pool that a runner with these labels serves. */
  servedBy(pool: string, labels: readonly string[]): Promise<string[]>;
}

/** However many runners ask, the broker is asked once in this time. */
const FRESH_MS = 500;
const LOOK_MS = 2_000;

export function createQueues(connection: Connection, names: Names): Queues {
  const made = new Set<string>();
  const seen = new Set<string>();
  let listing: Promise<readonly string[]> | undefined;
  let listedAt = Number.NEGATIVE_INFINITY;

  const list = (): Promise<readonly string[]> => {
    if (listing !== undefined && performance.now() - listedAt < FRESH_MS) return listing;
    listedAt = performance.now();
    const asked = readConsumers(connection, names.streams.resume, LOOK_MS).then((consumers) => {
      if (consumers === undefined) throw new UnavailableError("the broker does not tell its consumers");
      return [...consumers.keys()];
    });
    listing = asked;
    asked.catch(() => (listing = undefined));
    return asked;
  };
  const ensure = async (queue: string): Promise<void> => {
    if (!isMoreThanPool(queue) || made.has(queue)) return;
    await ensureConsumer(connection, poolConsumerOf(names, queue));
    made.add(queue);
    seen.delete(queue);
  };

  return {
    ensure,
    see(queue) {
      if (queue !== undefined && isMoreThanPool(queue) && !made.has(queue)) seen.add(queue);
    },
    due: () => [...seen].map((queue) => () => ensure(queue)),
    async servedBy(pool, labels) {
      const runner = { pools: [pool], labels };
      return (await list())
        .map((consumer) => names.queueOfConsumer(consumer) ?? "")
        .filter((queue) => {
          const is = isMoreThanPool(queue) ? parseQueue(queue) : undefined;
          return is !== undefined && isServedBy(is, runner);
        });
    },
  };
}
