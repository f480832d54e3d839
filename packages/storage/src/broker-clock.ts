import type { Connection } from "./connection.ts";

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

export async function startBrokerClock(connection: Connection, stream: string): Promise<BrokerClock> {
  let offset = Date.now() - performance.now();

  const estimate = async (): Promise<boolean> => {
    const before = performance.now();
    const reply = await connection.pipeline.call(`$JS.API.STREAM.INFO.${stream}`, "", undefined, 2_000);
    const after = performance.now();
    if (typeof reply === "string") return false;
    const at = Date.parse(reply.json<{ ts?: string }>().ts ?? "");
    if (Number.isNaN(at)) return false;
    offset = at - (before + after) / 2;
    return true;
  };

  await estimate();
  const timer = setInterval(() => void estimate(), EVERY_MS);
  timer.unref();
  return { now: () => Math.round(performance.now() + offset), stop: () => clearInterval(timer) };
}
