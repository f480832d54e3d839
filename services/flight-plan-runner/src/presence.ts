import { toInstant } from "@jetmesh/lifecycle";
import type { RunnerPresence } from "@jetmesh/protocol";
import type { RunnerDeps } from "./deps.ts";

/**
 * A runner's presence: a key with a TTL, written again three times in that time. A runner that has had no
 * acknowledged renewal for 10 s by its own monotonic clock ends its own work, since others may take it for dead
 * from 15 s on (design §2).
 */
export interface Presence {
  stop(): Promise<void>;
}

const LOST_MS = 10_000;

export async function keepPresence(deps: RunnerDeps): Promise<Presence> {
  const { config, store, clock, log, id, held } = deps;
  const startedAt = toInstant(clock.now());
  let renewedAt = performance.now();

  const renew = async (): Promise<void> => {
    const presence: RunnerPresence = {
      v: 1,
      id,
      pools: config.JM_POOLS,
      kinds: [...deps.kinds.keys()],
      capacity: config.JM_CONCURRENCY,
      load: held.size,
      startedAt,
    };
    const began = performance.now();
    if (await store.runners.put(id, presence, { point: "presence.renew", ttlMs: config.JM_PRESENCE_TTL_MS }))
      renewedAt = began;
  };

  await renew();
  let renewing = Promise.resolve();
  let isRenewing = false;
  const timer = setInterval(
    () => {
      if (performance.now() - renewedAt > LOST_MS && held.size > 0) {
        log.error({ held: held.size }, "no presence for 10 s: ending what runs here");
        for (const action of held.values())
          action.abandon({ code: "presence_lost", message: "the runner lost its presence" });
      }
      if (isRenewing) return;
      isRenewing = true;
      renewing = renew().finally(() => (isRenewing = false));
    },
    Math.floor(config.JM_PRESENCE_TTL_MS / 3),
  );

  return {
    async stop() {
      clearInterval(timer);
      await renewing;
      await store.runners.remove(id, "presence.end");
    },
  };
}
