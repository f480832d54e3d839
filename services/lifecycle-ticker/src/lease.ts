import { toInstant } from "@jetmesh/lifecycle";
import type { Lease } from "@jetmesh/protocol";
import type { BrokerClock, MeshStore } from "@jetmesh/storage";

/**
 * Leadership by a key with a TTL: whoever writes it where there is none leads, and writes it again long before
 * it ends. Two leaders for a moment do no harm, for a resume is a hint; a lease only spares the broker work.
 */
export interface Leadership {
  readonly isLeader: boolean;
  stop(): Promise<void>;
}

export interface LeaseOptions {
  readonly store: MeshStore;
  readonly clock: BrokerClock;
  readonly role: string;
  readonly holder: string;
  readonly ttlMs: number;
  readonly onChange: (isLeader: boolean) => void;
}

export function seekLeadership({ store, clock, role, holder, ttlMs, onChange }: LeaseOptions): Leadership {
  let revision: number | undefined;
  let renewedAt = 0;
  let stopped = false;

  const lead = (next: number | undefined): void => {
    const was = revision !== undefined;
    revision = next;
    if (was !== (next !== undefined)) onChange(next !== undefined);
  };

  const attempt = async (): Promise<void> => {
    const lease: Lease = { v: 1, holder, at: toInstant(clock.now()) };
    const began = performance.now();
    let expected = revision;
    if (expected === undefined) {
      const stored = await store.leases.get(role);
      if (stored.kind === "record" && stored.value.holder !== holder) return;
      expected = stored.kind === "absent" ? 0 : stored.revision;
    }
    const written = await store.leases.swap(role, lease, expected, {
      point: "lease.renew",
      ttlMs,
      deadlineMs: ttlMs,
    });
    if (stopped) return;
    renewedAt = began;
    lead(written.kind === "written" ? written.revision : undefined);
  };

  const round = async (): Promise<void> => {
    try {
      await attempt();
    } catch {
      // The broker is away: leadership ends with the TTL, judged below by this process's own clock.
    }
    if (revision !== undefined && performance.now() - renewedAt > ttlMs) lead(undefined);
  };
  let running = round();
  const timer = setInterval(
    () => {
      running = running.then(round);
    },
    Math.floor(ttlMs / 4),
  );

  return {
    get isLeader() {
      return revision !== undefined && performance.now() - renewedAt < ttlMs;
    },
    async stop() {
      stopped = true;
      clearInterval(timer);
      await running;
      // Given back, so that another leads at once: the shortest TTL that there is.
      if (revision !== undefined)
        await store.leases
          .swap(role, { v: 1, holder: "none", at: toInstant(clock.now()) }, revision, {
            point: "lease.renew",
            ttlMs: 1_000,
            deadlineMs: 1_000,
          })
          .catch(() => undefined);
    },
  };
}
