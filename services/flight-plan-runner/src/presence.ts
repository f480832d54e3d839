import { toInstant } from "@jetmesh/lifecycle";
import type { RunnerPresence } from "@jetmesh/protocol";
import type { RunnerDeps } from "./deps.ts";
import { leaseGroups, renewLease } from "./steps/guard.ts";
import { callAfter } from "./steps/time-limit.ts";

/**
 * A runner's presence: a key with a TTL, written again six times in that time. A runner that has had no
 * acknowledged renewal for two thirds of it (10 s) by its own monotonic clock ends its own work, since others may
 * take it for dead when all of it has passed (15 s; design §2); its guard does the same for one that cannot (G4). It
 * takes nothing new before it is known to be there again.
 */
export interface Presence {
  /** The last acknowledged renewal is recent enough. */
  readonly isKnown: boolean;
  stop(): Promise<void>;
}

export async function keepPresence(deps: RunnerDeps): Promise<Presence> {
  const { config, store, clock, log, id, held } = deps;
  const startedAt = toInstant(clock.now());
  const lostMs = (config.JM_PRESENCE_TTL_MS * 2) / 3;
  let renewedAt = performance.now();
  let disarm = (): void => undefined;
  leaseGroups(lostMs);

  const isKnown = (): boolean => performance.now() - renewedAt < lostMs;
  const endWork = (): void => {
    if (isKnown() || held.size === 0) return;
    log.error({ held: held.size }, "no presence: ending what runs here");
    for (const action of held.values())
      action.abandon({ code: "presence_lost", message: "the runner lost its presence" });
  };

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
    if (
      !(await store.runners.put(id, presence, { point: "presence.renew", ttlMs: config.JM_PRESENCE_TTL_MS }))
    )
      return;
    renewedAt = began;
    renewLease();
    disarm();
    disarm = callAfter(Math.max(0, began + lostMs - performance.now()) + 1, endWork);
  };

  await renew();
  let renewing = Promise.resolve();
  let isRenewing = false;
  const timer = setInterval(
    () => {
      // Also what was claimed when its answer came too late.
      endWork();
      if (isRenewing) return;
      isRenewing = true;
      renewing = renew().finally(() => (isRenewing = false));
    },
    Math.floor(config.JM_PRESENCE_TTL_MS / 6),
  );

  return {
    get isKnown() {
      return isKnown();
    },
    async stop() {
      clearInterval(timer);
      disarm();
      await renewing;
      await store.runners.remove(id, "presence.end");
    },
  };
}
