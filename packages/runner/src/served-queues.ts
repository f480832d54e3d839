import { PoolReply } from "@jetmesh/protocol";
import { ask, ensureError } from "@jetmesh/storage";
import type { RunnerDeps } from "./deps.ts";

/**
 * The queues of its pools that a runner serves beside the pools themselves: of labels that it has, and of lanes. A queue is
 * there from its first action on, so it is asked for again and again; one that is new waits for this once.
 */
export interface ServedQueues {
  stop(): Promise<void>;
}

const EVERY_MS = 2_000;
const ANSWER_MS = 5_000;

export function followQueues(
  { config, connection, names, log }: RunnerDeps,
  serve: (queue: string) => void,
): ServedQueues {
  const { JM_POOLS: pools, JM_LABELS: labels } = config;
  const subject = names.svc.of("state-store", "pool");
  let isTold = true;
  let stopped = false;

  const look = async (): Promise<void> => {
    for (const pool of pools) {
      const answer = await ask(connection, subject, { v: 1, pool, labels }, ANSWER_MS);
      if (!answer.ok) throw new Error(answer.error.message);
      // A state-store of an older version makes no such queues, and says nothing of them.
      const told = PoolReply.safeParse(answer.body);
      if (told.success && !stopped) told.data.queues.forEach(serve);
    }
  };
  const round = async (): Promise<void> => {
    if (connection.connectedSince() === undefined) return;
    try {
      await look();
      isTold = true;
    } catch (thrown) {
      if (isTold) log.warn({ why: ensureError(thrown).message }, "the queues of its pools were not told");
      isTold = false;
    }
  };
  let running = round();
  let isLooking = false;
  const timer = setInterval(() => {
    if (isLooking) return;
    isLooking = true;
    running = running.then(round).finally(() => (isLooking = false));
  }, EVERY_MS);
  return {
    async stop() {
      stopped = true;
      clearInterval(timer);
      await running;
    },
  };
}
