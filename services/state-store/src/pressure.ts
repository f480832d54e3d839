import type { Names } from "@jetmesh/protocol";
import { RefusedError } from "@jetmesh/service-kit";
import { type Connection, readConsumers } from "@jetmesh/storage";

/**
 * Backpressure: what runners cannot keep up with is not accepted faster than they work it off. Looked at are the hints
 * that wait for runners; when there are more than `high`, triggers stay in their stream, which is bounded and tells
 * who publishes, and the API answers `overloaded` rather than keep a caller waiting, until there are fewer than half.
 * A pool counts only while its hints are taken: one that has no runner, or whose runners are all busy for hours, would
 * otherwise hold up all others; what waits for it is durable and costs nobody anything.
 */
export interface Pressure {
  readonly isHigh: boolean;
  /** Hints that wait for runners which work. */
  readonly waiting: number;
  /** Something was handed to runners: until then there is nothing to look at, and an idle mesh does not look. */
  noteHandedOn(): void;
  /** Throws `overloaded`, with the time after which it is worth trying again. */
  assertLow(): void;
  stop(): void;
}

const EVERY_MS = 250;
const LOOK_MS = 2_000;

/** How many hints wait in pools that took some since the look before. */
export function waitingIn(
  pools: ReadonlyMap<string, PoolState>,
  before: ReadonlyMap<string, PoolState>,
): number {
  let waiting = 0;
  for (const [name, { pending, delivered }] of pools)
    if (delivered !== (before.get(name)?.delivered ?? 0)) waiting += pending;
  return waiting;
}

export interface PoolState {
  readonly pending: number;
  /** How many it has ever been given. */
  readonly delivered: number;
}

export function watchPressure(
  connection: Connection,
  names: Names,
  high: number,
  onChange: (isHigh: boolean) => void,
): Pressure {
  let isHigh = false;
  let waiting = 0;
  let before: ReadonlyMap<string, PoolState> = new Map();
  let isLooking = false;
  let isDue = false;

  const look = async (): Promise<void> => {
    if (!isDue || isLooking || connection.connectedSince() === undefined) return;
    isLooking = true;
    const pools = await readConsumers(connection, names.streams.resume, LOOK_MS).finally(
      () => (isLooking = false),
    );
    if (pools === undefined) return;
    isDue = false;
    waiting = waitingIn(pools, before);
    before = pools;
    const was = isHigh;
    isHigh = waiting > (isHigh ? high / 2 : high);
    // While runners work something off it goes on changing by itself.
    isDue ||= waiting > 0;
    if (isHigh !== was) onChange(isHigh);
  };
  const timer = setInterval(() => void look().catch(() => undefined), EVERY_MS);

  return {
    get isHigh() {
      return isHigh;
    },
    get waiting() {
      return waiting;
    },
    noteHandedOn() {
      isDue = true;
    },
    assertLow() {
      if (!isHigh) return;
      throw new RefusedError("overloaded", `${String(waiting)} actions wait for runners`, {
        retryAfterMs: RETRY_MS,
      });
    },
    stop: () => clearInterval(timer),
  };
}

const RETRY_MS = 1_000;
