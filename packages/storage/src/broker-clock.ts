import type { Connection } from "./connection.ts";
import { UnavailableError } from "./errors.ts";

/**
 * The broker's time (design §4): estimated from the `ts` of a JetStream API answer, taken at the middle of its
 * round trip, and carried on by the monotonic clock, so that setting the host's clock changes nothing.
 */
export interface BrokerClock {
  /** Milliseconds since 1970. */
  now(): number;
  stop(): void;
}

const EVERY_MS = 30_000;
/** An answer that was held up longer, by a broker that was paused or away, says too little about the time. */
const MOST_MS = 1_000;

/** Throws `UnavailableError` where the broker does not tell its time: a host's own is never taken for it. */
export async function startBrokerClock(connection: Connection, stream: string): Promise<BrokerClock> {
  const estimate = async (mostMs: number): Promise<number | undefined> => {
    const before = performance.now();
    const reply = await connection.pipeline.call(
      `${connection.apiPrefix}.STREAM.INFO.${stream}`,
      "",
      undefined,
      mostMs,
    );
    const after = performance.now();
    if (typeof reply === "string") return undefined;
    const at = Date.parse(reply.json<{ ts?: string }>().ts ?? "");
    return Number.isNaN(at) ? undefined : at - (before + after) / 2;
  };

  const first = await estimate(2 * MOST_MS);
  if (first === undefined) throw new UnavailableError("the broker does not tell its time");
  let offset = first;
  const timer = setInterval(
    () => void estimate(MOST_MS).then((better) => (offset = better ?? offset)),
    EVERY_MS,
  );
  timer.unref();
  return { now: () => Math.round(performance.now() + offset), stop: () => clearInterval(timer) };
}
