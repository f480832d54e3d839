import type { Names } from "@jetmesh/protocol";
import type { Connection } from "./connection.ts";
import { headerBlock } from "./pipeline.ts";

/**
 * Whether a lone acknowledgement is slow, which tells a broker that syncs each message to its disk from one that does
 * not: there is nothing to ask it by. Each probe is a write with an echo sent right behind it over the same connection;
 * what counts is by how much the acknowledgement comes after the echo, so that a machine under load, which makes both
 * late, is not taken for a slow disk. The probes go to a bucket that is hardly written.
 */
export interface AckWatch {
  stop(): void;
}

const WARM_UPS = 4;
const PROBES = 12;
/**
 * Measured: 0.005 to 0.06 ms behind its echo where nothing is synced, 0.1 to 0.2 on quick disks and 0.4 to 0.9 on others
 * where each message is; at 0.19 ms group commit made 1 400 actions a second of 820 (ADR 0022).
 */
export const SLOW_MS = 0.08;
/** A disk may change, as a cluster's leader does. */
const EVERY_MS = 60_000;
const SOON_MS = 1_000;
const STALLED_MS = 1;
const PATIENCE_MS = 2_000;
const PROBE_TTL = "60s";

/** Engages group commit on a connection for as long as its acknowledgements are slower than `slowMs`. */
export function watchAcks(connection: Connection, names: Names, key: string, slowMs = SLOW_MS): AckWatch {
  let timer: NodeJS.Timeout | undefined;
  let isMeasuring = false;
  let isStopped = false;
  const measure = async (): Promise<void> => {
    if (isMeasuring) return;
    isMeasuring = true;
    clearTimeout(timer);
    const subject = names.kv(names.buckets.leases, `probe.${key}`);
    const delay =
      connection.connectedSince() === undefined
        ? undefined
        : await measureAckDelay(connection, subject).catch(() => undefined);
    if (delay !== undefined) connection.groupCommit.engage(delay > slowMs);
    isMeasuring = false;
    if (!isStopped) timer = setTimeout(look, delay === undefined ? SOON_MS : EVERY_MS).unref();
  };
  const look = (): void => void measure();
  const offReconnect = connection.onReconnect(look);
  look();
  return {
    stop() {
      isStopped = true;
      clearTimeout(timer);
      offReconnect();
    },
  };
}

/**
 * Milliseconds that lone acknowledgements come after their echoes, the lower quartile of some; undefined where too few
 * came. The first do not count: code that runs for the first time is slow.
 */
export async function measureAckDelay(connection: Connection, subject: string): Promise<number | undefined> {
  const { nc, outbox, pipeline, faults } = connection;
  const echo = connection.newInbox();
  let onEcho: (at: number) => void = () => undefined;
  const subscription = nc.subscribe(echo, { callback: () => onEcho(performance.now()) });
  const headers = headerBlock([["Nats-TTL", PROBE_TTL]]);
  const delays: number[] = [];
  try {
    for (let n = 0; n < WARM_UPS + PROBES; n += 1) {
      await faults?.suffer("ack.probe", "before");
      const acknowledged = pipeline.request(subject, "", headers, PATIENCE_MS, (reply) =>
        typeof reply === "string" ? undefined : performance.now(),
      );
      const echoed = new Promise<number>((resolve) => (onEcho = resolve));
      outbox.publish(echo, "", "", "");
      const sentAt = performance.now();
      const at = await acknowledged;
      await faults?.suffer("ack.probe", "after");
      // On one connection an echo is never later than an acknowledgement by more than a moment, unless it is lost.
      const echoedAt = at === undefined ? undefined : await Promise.race([echoed, lost()]);
      if (at === undefined || echoedAt === undefined || n < WARM_UPS) continue;
      // In a process that was busy meanwhile both were waiting, and nothing can be said of either.
      if (echoedAt - sentAt < STALLED_MS) delays.push(at - echoedAt);
    }
  } finally {
    if (!nc.isClosed()) subscription.unsubscribe();
  }
  return delays.length < PROBES / 2 ? undefined : delays.sort((a, b) => a - b)[Math.floor(delays.length / 4)];
}

const lost = (): Promise<undefined> =>
  new Promise((resolve) => setTimeout(() => resolve(undefined), PATIENCE_MS).unref());
