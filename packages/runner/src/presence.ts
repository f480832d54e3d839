import { toInstant } from "@jetmesh/lifecycle";
import type { RunnerPresence } from "@jetmesh/protocol";
import type { Presence, RunnerDeps } from "./deps.ts";

/** Somebody beside the runner who ends what it runs where it does not do so itself. */
export interface Lease {
  begin(lostMs: number): void;
  renew(): void;
}

/**
 * A runner's presence: a key with a TTL, written again ten times in that time. A runner that has had no
 * acknowledged renewal for two thirds of it (10 s) by its own monotonic clock ends its own work and takes no more,
 * since others may take it for dead when all of it has passed (15 s; design §2); its guard does the same for one that
 * is stopped or hangs (G4).
 */
export async function keepPresence(deps: Omit<RunnerDeps, "presence">, lease?: Lease): Promise<Presence> {
  const { config, store, clock, log, id, held } = deps;
  const ttlMs = config.JM_PRESENCE_TTL_MS;
  const lostMs = (ttlMs * 2) / 3;
  // A new leader of the stream takes 4.3 to 7.1 s: renewed every 1.5 s, none is missed for so long that work ends.
  const everyMs = ttlMs / 10;
  const startedAt = toInstant(clock.now());
  let renewedAt = performance.now();
  let since: number | undefined = renewedAt;
  let began = Number.NEGATIVE_INFINITY;
  lease?.begin(lostMs);

  const renew = async (): Promise<void> => {
    const presence: RunnerPresence = {
      v: 1,
      id,
      pools: config.JM_POOLS,
      ...(config.JM_LABELS.length === 0 ? {} : { labels: config.JM_LABELS }),
      kinds: [...deps.kinds.keys()],
      capacity: config.JM_CONCURRENCY,
      load: held.size,
      startedAt,
    };
    const at = (began = performance.now());
    const acknowledged = await store.runners.put(id, presence, { point: "presence.renew", ttlMs });
    if (acknowledged) {
      renewedAt = at;
      lease?.renew();
      since ??= performance.now();
    } else {
      since = undefined;
    }
  };
  const isLost = (): boolean => performance.now() - renewedAt > lostMs;

  const endAll = (): void => {
    const running = [...held.values()].filter((action) => !action.isLost);
    if (running.length === 0) return;
    log.error({ held: running.length }, "no presence: ending what runs here");
    for (const action of running)
      action.abandon({ code: "presence_lost", message: "the runner lost its presence" });
  };

  await renew();
  let renewing = Promise.resolve();
  let isRenewing = false;
  const timer = setInterval(
    () => {
      if (isLost()) endAll();
      // One that was not acknowledged is tried again at once: a broker or a leader of its stream may be just back.
      if (isRenewing || (since !== undefined && performance.now() - began < everyMs)) return;
      isRenewing = true;
      renewing = renew().finally(() => (isRenewing = false));
    },
    // Often, for what runs must have ended before others may take it over, and its processes may take their grace.
    Math.floor(ttlMs / 30),
  );

  return {
    get isLost() {
      return isLost();
    },
    renewedSince: () => (isLost() ? undefined : since),
    async stop() {
      clearInterval(timer);
      await renewing;
      await store.runners.remove(id, "presence.end");
    },
  };
}
