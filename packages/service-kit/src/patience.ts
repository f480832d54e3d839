import { UnavailableError } from "@jetmesh/storage";
import type { Logger } from "./logger.ts";

const AGAIN_MS = 250;
const SAY_EVERY = 20;

/**
 * Does again what cannot be done yet, for as long as it takes: a broker that is away, that is coming up, a cluster with
 * too few nodes. What fails otherwise fails for good. Throws when the process is asked to stop.
 */
export async function patiently<T>(attempt: () => Promise<T>, log: Logger, stop: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await attempt();
    } catch (thrown) {
      if (!(thrown instanceof UnavailableError)) throw thrown;
      if (tries % SAY_EVERY === 1) log.warn({ why: thrown.message }, "the broker cannot do it yet");
    }
    stop.throwIfAborted();
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}
