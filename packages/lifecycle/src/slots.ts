import {
  type KeySlots,
  type LimitDefinition,
  MAX_CONCURRENT,
  type PlanDefinition,
  type SlotHolder,
} from "@jetmesh/protocol";
import { type Now, toInstant } from "./instants.ts";

/**
 * Who gets the slots of one key, pure. What is in its record is the truth: a holder is whoever is in it, and it is written by
 * compare-and-swap alone.
 *
 *   S1  no turn makes more holders than the number that holds then; a number that is lowered takes nobody's slot
 *   S2  who has a slot keeps it, whatever the number, until it is freed by its id
 *   S3  who comes first is served first, but for those that cannot begin yet
 */
export type Slots = Pick<KeySlots, "holders" | "paidAtMs">;

/** What holds for a key now; 0 = as many as one record has room for. */
export interface Numbers {
  readonly concurrency: number;
  readonly rate?: LimitDefinition["rate"] | undefined;
}

/** Of a limit or a plan that is gone nothing is left to wait for. */
export const keyNumbersOf = (owner: LimitDefinition | PlanDefinition | undefined): Numbers =>
  owner?.kind === "Limit"
    ? { concurrency: owner.concurrency, rate: owner.rate }
    : { concurrency: owner?.concurrency ?? 0 };

/**
 * How one that waits stands to a key that it has no slot of: it takes a slot of it next; it takes one of another key first, which has room, and so
 * has one kept here; or it can take nothing now.
 */
export type Stand = "next" | "elsewhere" | "not_yet";

export interface Waiter {
  readonly id: string;
  readonly stand: Stand;
}

export interface Turn<W extends Waiter> {
  /** The same object where nothing changes. */
  readonly next: Slots;
  /** Who has got a slot now. */
  readonly served: readonly W[];
  /** When its rate lets the next begin, where it is that which keeps one waiting. */
  readonly nextAtMs?: number;
}

export const holds = ({ holders }: Slots, id: string): boolean => holders.some((one) => one.id === id);

export function freed<S extends Slots>(slots: S, ids: { has(id: string): boolean }): S {
  const holders = slots.holders.filter(({ id }) => !ids.has(id));
  return holders.length === slots.holders.length ? slots : { ...slots, holders };
}

/** How many more it lets begin now. */
export function roomOf(slots: Slots, { concurrency, rate }: Numbers, now: Now): number {
  const most = concurrency === 0 ? MAX_CONCURRENT : concurrency;
  const free = Math.max(0, most - slots.holders.length);
  return Math.min(free, rate === undefined ? Number.POSITIVE_INFINITY : allowedBy(rate, slots.paidAtMs, now));
}

type Rate = NonNullable<Numbers["rate"]>;

/** Each costs a part of the time; what is not made up for yet may be as much as the whole of it (GCRA). */
function allowedBy({ count, every }: Rate, paidAtMs: number | undefined, now: Now): number {
  const owed = Math.max(0, (paidAtMs ?? 0) - now);
  // A little less than a whole one is one: sums of parts are not exact.
  return Math.max(0, Math.floor(((every - owed) * count) / every + 1e-6));
}

/** One turn of a key: what is freed goes out, and those that wait take what there is, in their order. */
export function planTurn<W extends Waiter>(
  slots: Slots,
  freeing: { has(id: string): boolean },
  waiting: Iterable<W>,
  numbers: Numbers,
  now: Now,
): Turn<W> {
  const { rate } = numbers;
  let next = freed(slots, freeing);
  let room = roomOf(next, numbers, now);
  const held = new Set(next.holders.map(({ id }) => id));
  const added: SlotHolder[] = [];
  const served: W[] = [];
  let isLeft = false;
  for (const waiter of waiting) {
    if (held.has(waiter.id) || waiter.stand === "not_yet") continue;
    if (room < 1) {
      isLeft = true;
      break;
    }
    room -= 1;
    if (waiter.stand === "elsewhere") continue;
    added.push({ id: waiter.id, since: toInstant(now) });
    served.push(waiter);
  }
  if (added.length > 0) {
    const cost = rate === undefined ? 0 : (rate.every / rate.count) * added.length;
    const paid = rate === undefined ? {} : { paidAtMs: Math.max(now, next.paidAtMs ?? 0) + cost };
    next = { ...next, holders: [...next.holders, ...added], ...paid };
  }
  const nextAtMs = isLeft && rate !== undefined ? nextAllowedAt(rate, next.paidAtMs, now) : undefined;
  return { next, served, ...(nextAtMs === undefined ? {} : { nextAtMs: Math.ceil(nextAtMs) }) };
}

/** When a rate lets the next begin, in milliseconds with their parts; undefined where it is not the rate that keeps anybody. */
export function nextAllowedAt(rate: Rate, paidAtMs: number | undefined, now: Now): number | undefined {
  if (allowedBy(rate, paidAtMs, now) >= 1) return undefined;
  return (paidAtMs ?? 0) + rate.every / rate.count - rate.every;
}

/** One that waits for several limits for so long keeps what it can have. */
const PATIENCE_MS = 10_000;

interface OfSeveral {
  /** The keys that it has no slot of, in the order in which they are taken. */
  readonly missing: readonly string[];
  /** A key with no room for it, as far as is known. */
  readonly isFull: (key: string) => boolean;
  /** Whether nobody waits for the key longer. */
  readonly isFirst: (key: string) => boolean;
  readonly waitsMs: number;
}

/**
 * All or nothing, as far as is known: one that would have to wait for another limit leaves this one to others. One that has
 * waited for long, and comes first wherever there is nothing for it, takes what there is. In the order of the keys, always: so
 * nobody who has one waits for one that waits for it.
 */
export function standOfSeveral(key: string, { missing, isFull, isFirst, waitsMs }: OfSeveral): Stand {
  const [first] = missing;
  if (first === undefined) return "not_yet";
  const full = missing.filter((other) => other !== key && isFull(other));
  if (full.length > 0 && (waitsMs < PATIENCE_MS || !full.every(isFirst))) return "not_yet";
  return first === key ? "next" : "elsewhere";
}
