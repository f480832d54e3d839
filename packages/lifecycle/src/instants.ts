import type { Instant } from "@jetmesh/protocol";

/** Milliseconds since 1970, by the broker's clock (design §4): the only time the core knows. */
export type Now = number;

/** Formatting takes as long as a decision, and what is decided together happens at one instant. */
let lastMs: Now = 0;
let lastInstant: Instant = "1970-01-01T00:00:00.000Z";
export const toInstant = (ms: Now): Instant => {
  if (ms !== lastMs) {
    lastInstant = new Date(ms).toISOString();
    lastMs = ms;
  }
  return lastInstant;
};
export const toMs = (instant: Instant): Now => Date.parse(instant);

/** The instant `delayMs` from now; 0 means no limit, and so no instant. */
export const after = (now: Now, delayMs: number): Instant | undefined =>
  delayMs > 0 ? toInstant(now + delayMs) : undefined;

export const hasPassed = (instant: Instant | undefined, now: Now): boolean =>
  instant !== undefined && toMs(instant) <= now;

/** How long it is until then: nothing where that has passed, for ever where there is no such instant. */
export const msUntil = (instant: Instant | undefined, now: Now): number =>
  instant === undefined ? Number.POSITIVE_INFINITY : Math.max(0, toMs(instant) - now);

/** The earliest of those that there are. ISO instants in UTC compare as strings. */
export function earliest(...instants: (Instant | undefined)[]): Instant | undefined {
  let first: Instant | undefined;
  for (const instant of instants)
    if (instant !== undefined && (first === undefined || instant < first)) first = instant;
  return first;
}
