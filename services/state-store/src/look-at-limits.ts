import { holds, nextAllowedAt, roomOf, toInstant } from "@jetmesh/lifecycle";
import type { KeyCounts, LimitLook, SlotCounts, SlotPlace, SvcRequest } from "@jetmesh/protocol";
import type { Deps } from "./deps.ts";
import type { SlotsCopy } from "./kept-slots.ts";

/** How many run and wait under limits, as this process has heard; of a single one by its keys, a page of them. */
export async function lookAtLimits(
  { slots: { copy }, clock }: Deps,
  { references, cursor, limit, action }: SvcRequest<"state-store.limit-look">,
): Promise<LimitLook> {
  const keys = copy.keys();
  const limits = references.map((reference) => ({
    reference,
    ...sum(keysOf(keys, reference).map((key) => countsOf(copy, key))),
  }));
  const [only] = references;
  const page = only === undefined || limit === 0 ? undefined : pageOf(keysOf(keys, only), cursor, limit);
  const items =
    page === undefined
      ? undefined
      : await Promise.all(page.keys.map((key) => keyCounts(copy, key, clock.now())));
  const place = action === undefined ? undefined : await placeOf(copy, action, clock.now());
  return {
    limits,
    ...(items === undefined ? {} : { keys: items }),
    ...(page?.cursor === undefined ? {} : { cursor: page.cursor }),
    ...(place === undefined ? {} : { place }),
  };
}

const keysOf = (keys: readonly string[], limit: string): string[] =>
  keys.filter((key) => key === `limit.${limit}` || key.startsWith(`limit.${limit}.`));

function pageOf(
  keys: readonly string[],
  cursor: string | undefined,
  limit: number,
): { keys: string[]; cursor?: string } {
  const left = keys.toSorted().filter((key) => cursor === undefined || key > cursor);
  const page = left.slice(0, limit);
  const last = page.at(-1);
  return { keys: page, ...(left.length > page.length && last !== undefined ? { cursor: last } : {}) };
}

function countsOf(copy: SlotsCopy, key: string): SlotCounts {
  const holders = copy.slotsOf(key)?.holders ?? [];
  const retrying = holders.filter(({ id }) => copy.isRetrying(id)).length;
  const held = new Set(holders.map(({ id }) => id));
  const waiting = copy.waitingFor(key).filter(({ id }) => !held.has(id)).length;
  return { running: holders.length, waiting, retrying };
}

const sum = (all: readonly SlotCounts[]): SlotCounts => ({
  running: all.reduce((total, { running }) => total + running, 0),
  waiting: all.reduce((total, { waiting }) => total + waiting, 0),
  retrying: all.reduce((total, { retrying }) => total + retrying, 0),
});

async function keyCounts(copy: SlotsCopy, key: string, now: number): Promise<KeyCounts> {
  const slots = copy.slotsOf(key);
  const nextAt = await nextAtOf(copy, key, now);
  return {
    key,
    ...countsOf(copy, key),
    ...(slots?.value === undefined ? {} : { value: slots.value }),
    ...(nextAt === undefined ? {} : { nextAt }),
  };
}

/** When its rate lets the next begin, where not now. */
async function nextAtOf(copy: SlotsCopy, key: string, now: number): Promise<string | undefined> {
  const { rate } = await copy.numbersOf(key);
  const paidAtMs = copy.slotsOf(key)?.paidAtMs;
  const nextAtMs = rate === undefined ? undefined : nextAllowedAt(rate, paidAtMs, now);
  return nextAtMs === undefined ? undefined : toInstant(nextAtMs);
}

/** Of the first of its keys that has no room; of the last of them where all have. */
async function placeOf(copy: SlotsCopy, id: string, now: number): Promise<SlotPlace | undefined> {
  const one = copy.find(id);
  if (one === undefined) return undefined;
  const missing = one.keys.filter((key) => !holds(copy.slotsOf(key) ?? { holders: [] }, id));
  for (const [index, key] of missing.entries()) {
    const numbers = await copy.numbersOf(key);
    const slots = copy.slotsOf(key) ?? { holders: [] };
    if (index < missing.length - 1 && roomOf(slots, numbers, now) >= 1) continue;
    const nextAt = await nextAtOf(copy, key, now);
    const before = copy.waitingFor(key).findIndex((waiting) => waiting.id === id);
    return {
      ...{ key, inUse: slots.holders.length, of: numbers.concurrency, before: Math.max(0, before) },
      ...(nextAt === undefined ? {} : { nextAt }),
    };
  }
  return undefined;
}
