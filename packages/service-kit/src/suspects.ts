import type { SuspectMark } from "@jetmesh/protocol";
import {
  type BrokerClock,
  type Bucket,
  type Disposal,
  type QueueMessage,
  UnavailableError,
} from "@jetmesh/storage";
import type { Logger } from "./logger.ts";
import { createTurns } from "./turns.ts";

/**
 * Messages that kill the process which handles them. What was in flight beside one is delivered again as often as it,
 * so deliveries alone accuse nobody: from the fourth on a message is a suspect, and each trial of a suspect begins
 * with a durable mark that is taken away when its handler comes back, in whatever way. A suspect whose mark says that
 * nobody came back from three trials, the last two of them alone, is put aside (ADR 0017).
 */
export const SUSPECT_FROM_DELIVERY = 4;
export const MOST_TRIALS = 3;

/** What is to be done with a message, by its deliveries and by the trials that nobody came back from. */
export function judgeSuspect(deliveries: number, trials: number): "handle" | "try" | "try_alone" | "bury" {
  if (deliveries < SUSPECT_FROM_DELIVERY) return "handle";
  if (trials >= MOST_TRIALS) return "bury";
  // After an outage of authz all that waited are suspects: only what was tried in vain goes one at a time.
  return trials === 0 ? "try" : "try_alone";
}

/** Longer than it takes to be delivered again and to start a process that was killed; then a mark is forgotten. */
const MARK_TTL_MS = 600_000;
const MARK_DEADLINE_MS = 5_000;

export interface SuspectGuard {
  readonly marks: Bucket<SuspectMark>;
  readonly clock: BrokerClock;
  readonly log: Logger;
  /** What the mark is about: the same each time that the message is delivered. */
  readonly nameOf: (message: QueueMessage) => string;
  readonly handle: (message: QueueMessage) => Promise<Disposal>;
  readonly bury: (message: QueueMessage, reason: string) => Promise<Disposal>;
}

/** The handler of a queue with suspects kept apart. Costs nothing before the fourth delivery, then two writes. */
export function guardSuspects(guard: SuspectGuard): (message: QueueMessage) => Promise<Disposal> {
  const { marks, clock, log } = guard;
  const turns = createTurns();

  const tryIt = async (message: QueueMessage, key: string, trials: number, at: number): Promise<Disposal> => {
    const mark: SuspectMark = { v: 1, trials: trials + 1, at: toInstant(clock.now()) };
    const options = { point: "suspect.mark", ttlMs: MARK_TTL_MS, deadlineMs: MARK_DEADLINE_MS } as const;
    const written = await marks.swap(key, mark, at, options);
    // Another process tries it at this moment.
    if (written.kind === "conflict") return AGAIN;
    try {
      return await guard.handle(message);
    } finally {
      await marks.remove(key, "suspect.clear");
    }
  };

  return async (message) => {
    if (message.deliveries < SUSPECT_FROM_DELIVERY) return guard.handle(message);
    const { subject, sequence, deliveries } = message;
    const key = `suspect.${message.stream}.${guard.nameOf(message)}`;
    try {
      const stored = await marks.get(key);
      const at = stored.kind === "absent" ? 0 : stored.revision;
      const trials = stored.kind === "record" ? stored.value.trials : 0;
      const verdict = judgeSuspect(deliveries, trials);
      if (verdict === "bury")
        return await guard.bury(
          message,
          `no process that tried it came back, ${String(trials)} times in a row`,
        );
      if (trials > 0) log.warn({ subject, sequence, deliveries, trials }, "trying a suspect alone");
      const task = (): Promise<Disposal> => tryIt(message, key, trials, at);
      return await (verdict === "try_alone" ? turns.alone(task) : turns.together(task));
    } catch (thrown) {
      if (!(thrown instanceof UnavailableError)) throw thrown;
      log.warn({ subject, sequence, why: thrown.message }, "a suspect waits for the broker");
      return AGAIN;
    }
  };
}

const AGAIN: Disposal = { kind: "retry", afterMs: 1_000 };
const toInstant = (ms: number): string => new Date(ms).toISOString();
