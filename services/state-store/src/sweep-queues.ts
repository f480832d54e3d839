import {
  type Disposal,
  findLeftovers,
  type Leftover,
  type QueueMessage,
  removeMessage,
} from "@jetmesh/storage";
import type { Deps } from "./deps.ts";

/**
 * Finishes what a broker that was killed has left in the work queues: messages that count as acknowledged and were
 * never taken out (`findLeftovers`). A trigger is handled once more before it goes, as one that is delivered again,
 * so that nothing hangs on whether the broker was right; a resume is a hint, and the ticker has another.
 */
export interface Sweep {
  stop(): Promise<void>;
}

const EVERY_MS = 10_000;
const AGE_MS = 10_000;
const MOST_A_ROUND = 500;

export function startSweep(
  deps: Pick<Deps, "connection" | "names" | "clock" | "log">,
  handleTrigger: (message: QueueMessage) => Promise<Disposal>,
): Sweep {
  const { connection, names, clock, log } = deps;

  const sweep = async (stream: string, handle: (left: Leftover) => Promise<boolean>): Promise<void> => {
    const bounds = { most: MOST_A_ROUND, ageMs: AGE_MS, now: clock.now() };
    const left = await findLeftovers(connection, stream, bounds);
    if (left.length > 0) log.info({ stream, messages: left.length }, "taking out what was left in a queue");
    for (const message of left) {
      if (await handle(message)) await removeMessage(connection, stream, message.sequence, "sweep.remove");
    }
  };
  const handled = async (left: Leftover): Promise<boolean> => {
    // A second delivery: whoever has handled it has left traces, and they are looked for.
    const at = { stream: names.streams.triggers, deliveries: 2, consumerSequence: 0, pending: 0 };
    return (await handleTrigger({ ...left, ...at })).kind === "ack";
  };
  const round = async (): Promise<void> => {
    if (connection.connectedSince() === undefined) return;
    await sweep(names.streams.triggers, handled);
    await sweep(names.streams.resume, () => Promise.resolve(true));
  };

  let stopped = false;
  let running = Promise.resolve();
  const timer = setInterval(() => {
    running = running
      .then(() => (stopped ? undefined : round()))
      .catch((thrown: unknown) => log.warn({ err: thrown }, "queues not swept yet"));
  }, EVERY_MS);
  return {
    async stop() {
      stopped = true;
      clearInterval(timer);
      await running;
    },
  };
}
