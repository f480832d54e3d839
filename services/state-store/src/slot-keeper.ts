import {
  holds,
  isWaitingForSlots,
  keyNumbersOf,
  type Numbers,
  planTurn,
  roomOf,
  type Stand,
  standOfSeveral,
  toInstant,
  toMs,
  type Waiter,
} from "@jetmesh/lifecycle";
import { ACTION_HEADERS, KeySlots, ownerOfSlots, parseQueue, readSlotsHeader } from "@jetmesh/protocol";
import { follow, parseJson, UnavailableError } from "@jetmesh/storage";
import type { ActionAt, Deps } from "./deps.ts";
import { grantSlots } from "./grant-slots.ts";
import type { SlotKeeper } from "./kept-slots.ts";
import { freeLeft, leftSlots } from "./left-slots.ts";
import { takeTurn } from "./take-turn.ts";
import { createWaitingLine, type InLine, lastRankAt, rankOf } from "./waiting-line.ts";

interface Key {
  slots: KeySlots | undefined;
  revision: number;
  /** Who is to be taken out, and who waits for that. */
  readonly freeing: Map<string, { resolve: () => void; reject: (why: Error) => void }[]>;
  isRunning: boolean;
  isAsked: boolean;
  timer: NodeJS.Timeout | undefined;
}
type InTurn = InLine & Waiter;

/** How long others may take to tell: what this process does itself it knows at once. */
const EVERY_MS = 100;
/** A key that nobody has slots of is gone after a while. */
const EMPTY_MS = 60_000;
const FAR_MS = 60_000;

/**
 * Slots of limits (ADR 0039). The record of a key says who has its slots, the record of an action that it waits, or that it has
 * all of its own; who comes next is found in a copy of both that every state-store has. So there is nothing else that a crash
 * could leave behind: a holder that has not begun is gone on with, one that is over is freed, one that waits is seen.
 *
 *   1  the action is made, and waits          a crash behind it: every state-store sees that it waits
 *   2  it is among the holders of each key    whoever comes by finds it there, and goes on
 *   3  its record says that it has them       the ticker sends its hint
 *   4  it has ended, and is taken out         before it is closed: repair ends it again
 *
 * Nobody takes out one that may still begin, so that 3 rests on 2 for good.
 */
export function createSlotKeeper(deps: Deps): SlotKeeper {
  const { connection, names, store, clock, log, definitions, instance } = deps;
  const line = createWaitingLine();
  const all = new Map<string, Key>();
  const values = new Map<string, string>();
  const retrying = new Set<string>();
  /** Records as this process has just written them. */
  const fresh = new Map<string, ActionAt>();
  const granting = new Set<string>();
  /** Those of several limits that have some of their slots: what they lack is kept for them. */
  const partly = new Set<string>();
  let stopped = false;

  const keyOf = (key: string): Key => {
    const is = all.get(key);
    if (is !== undefined) return is;
    const made: Key = {
      ...{ slots: undefined, revision: 0, freeing: new Map(), isRunning: false, isAsked: false },
      timer: undefined,
    };
    all.set(key, made);
    return made;
  };
  const forget = (key: string, is: Key): void => {
    const isUsed = is.slots !== undefined || is.freeing.size > 0 || is.isRunning || line.of(key).length > 0;
    if (isUsed) return;
    clearTimeout(is.timer);
    all.delete(key);
    values.delete(key);
  };
  const has = (key: string, id: string): boolean => {
    const slots = all.get(key)?.slots;
    return slots !== undefined && holds(slots, id);
  };
  const lacking = ({ id, keys }: InLine): string[] => keys.filter((key) => !has(key, id));
  const numbersOf = async (key: string): Promise<Numbers> => {
    const { kind, reference } = ownerOfSlots(key);
    return keyNumbersOf(
      await (kind === "Limit" ? definitions.limit(reference, false) : definitions.plan(reference, false)),
    );
  };

  const follower = follow(connection, names, {
    bucket: names.buckets.slots,
    everyMs: EVERY_MS,
    onProblem: (problem) => log.warn({ problem }, "following slots"),
    onChange({ key, exists, data, revision }) {
      const is = keyOf(key);
      if (revision <= is.revision) return;
      is.slots = exists ? KeySlots.parse(parseJson(data)) : undefined;
      is.revision = revision;
      if (line.of(key).length > 0) ask(key);
      else forget(key, is);
    },
  });

  const ask = (key: string): void => {
    const is = keyOf(key);
    is.isAsked = true;
    if (is.isRunning || stopped) return;
    is.isRunning = true;
    void run(key, is);
  };
  const run = async (key: string, is: Key): Promise<void> => {
    try {
      while (is.isAsked && !stopped) {
        is.isAsked = false;
        await turn(key, is);
      }
    } catch (thrown) {
      const why = thrown instanceof Error ? thrown : new Error(String(thrown));
      log.warn({ err: thrown, key }, "slots are not given yet");
      for (const waiters of is.freeing.values()) for (const { reject } of waiters) reject(why);
      is.freeing.clear();
    }
    is.isRunning = false;
    if (is.isAsked && is.freeing.size > 0) ask(key);
    else forget(key, is);
  };

  /** What was heard of them may be old: one that is paused by now gives way, and one that is over wants nothing. */
  const lookAt = async (id: string): Promise<void> => {
    const stored = await store.actions.get(id);
    if (stored.kind !== "record" || !isWaitingForSlots(stored.value)) leave(id);
  };

  const turn = async (key: string, is: Key): Promise<void> => {
    let now = clock.now();
    const taken = await takeTurn(key, {
      known: () => ({ slots: is.slots ?? emptyOf(values.get(key)), revision: is.revision }),
      freeing: () => new Map(is.freeing),
      reload: () => reload(key, is),
      numbers: () => numbersOfAll(key),
      plan(slots, freeing, numbers) {
        now = clock.now();
        return planTurn(slots, freeing, inTurn(key, numbers, now), numbers.own, now);
      },
      isSure: (id) => fresh.has(id),
      lookAt,
      othersOf: (all) => [
        ...new Set(all.flatMap(({ id, keys }) => keys.filter((one) => one !== key && !has(one, id)))),
      ],
      lookAtOther: (other) => reload(other, keyOf(other)),
      write: (slots, revision, isTaken) => write(key, is, revision, slots, isTaken),
    });
    const { next, served, nextAtMs } = taken.turn;
    for (const [id, waiters] of taken.freed) {
      if (is.freeing.get(id) === waiters) is.freeing.delete(id);
      for (const { resolve } of waiters) resolve();
    }
    for (const { id, keys } of served) if (keys.length > 1) partly.add(id);
    for (const { id } of next.holders) goOn(id);
    wakeAt(key, is, nextAtMs, now);
  };

  const reload = async (key: string, is: Key): Promise<void> => {
    const before = is.revision;
    const stored = await store.keySlots.get(key);
    // What has come meanwhile is newer.
    if (is.revision !== before) return;
    if (stored.kind === "unreadable") throw new Error(`the slots of '${key}' cannot be read: ${stored.why}`);
    is.slots = stored.kind === "record" ? stored.value : undefined;
    is.revision = stored.kind === "absent" ? 0 : stored.revision;
  };
  const write = async (
    key: string,
    is: Key,
    revision: number,
    slots: KeySlots,
    isTaken: boolean,
  ): Promise<boolean> => {
    const now = clock.now();
    const next: KeySlots = { ...slots, by: instance, at: toInstant(now) };
    const owed = Math.max(0, (slots.paidAtMs ?? 0) - now);
    const written = await store.keySlots.swap(key, next, revision, {
      point: isTaken ? "limit.take" : "limit.free",
      ...(next.holders.length === 0 ? { ttlMs: EMPTY_MS + owed } : {}),
    });
    if (written.kind === "conflict") return false;
    if (written.revision > is.revision) Object.assign(is, { slots: next, revision: written.revision });
    return true;
  };

  /** Of a key, and of the others that those who wait for it wait for. */
  const numbersOfAll = async (
    key: string,
  ): Promise<{ own: Numbers; of: (other: string) => Numbers | undefined }> => {
    const others = new Set<string>();
    for (const { keys } of line.of(key)) if (keys.length > 1) for (const other of keys) others.add(other);
    const found = new Map<string, Numbers>();
    for (const other of others) found.set(other, await numbersOf(other));
    return { own: found.get(key) ?? (await numbersOf(key)), of: (other) => found.get(other) };
  };

  function* inTurn(
    key: string,
    numbers: { of: (other: string) => Numbers | undefined },
    now: number,
  ): Generator<InTurn> {
    /** Who is asked before in this turn, and may get a slot of this key in it. */
    const before = new Set(partly);
    for (const one of line.of(key)) {
      if (rankOf(one) > lastRankAt(now)) return;
      if (one.sinceMs > now) continue;
      const stand = one.keys.length === 1 ? "next" : standOf(one, key, numbers, before, now);
      if (one.keys.length > 1 && stand !== "not_yet") before.add(one.id);
      yield { ...one, stand };
    }
  }

  const keptFor = (ids: ReadonlySet<string>, key: string, but: string): number => {
    let kept = 0;
    for (const id of ids) {
      if (id === but) continue;
      const one = line.get(id);
      if (one?.keys.includes(key) === true && !has(key, id)) kept += 1;
    }
    return kept;
  };

  const standOf = (
    one: InLine,
    key: string,
    numbers: { of: (other: string) => Numbers | undefined },
    before: ReadonlySet<string>,
    now: number,
  ): Stand => {
    const missing = lacking(one);
    const isFull = (other: string): boolean => {
      const of = numbers.of(other);
      const slots = all.get(other)?.slots ?? emptyOf(undefined);
      return of !== undefined && roomOf(slots, of, now) - keptFor(before, other, one.id) < 1;
    };
    const isFirst = (other: string): boolean => line.of(other)[0]?.id === one.id;
    const stand = standOfSeveral(key, { missing, isFull, isFirst, waitsMs: now - one.sinceMs });
    const [first] = missing;
    if (stand === "elsewhere" && first !== undefined && !isFull(first)) ask(first);
    return stand;
  };

  const goOn = (id: string): void => {
    const one = line.get(id);
    if (one === undefined || granting.has(id)) return;
    const [missing] = lacking(one);
    if (missing !== undefined) {
      partly.add(id);
      return ask(missing);
    }
    granting.add(id);
    grantSlots(deps, id, fresh.get(id))
      .then(({ isWaiting, isOver }) => {
        if (isWaiting) return;
        leave(id);
        if (isOver) void free({ id, keys: one.keys });
      })
      .catch((thrown: unknown) => log.warn({ err: thrown, action: id }, "not granted yet"))
      .finally(() => {
        granting.delete(id);
        fresh.delete(id);
      });
  };

  /** When its rate lets the next begin, or the next is to begin at all. */
  const wakeAt = (key: string, is: Key, nextAtMs: number | undefined, now: number): void => {
    clearTimeout(is.timer);
    let at = nextAtMs ?? Number.POSITIVE_INFINITY;
    for (const { sinceMs } of line.of(key)) if (sinceMs > now && sinceMs < at) at = sinceMs;
    if (at === Number.POSITIVE_INFINITY) return;
    is.timer = setTimeout(() => ask(key), Math.min(FAR_MS, Math.max(1, at - now)));
    is.timer.unref();
  };

  const leave = (id: string): void => {
    line.delete(id);
    partly.delete(id);
  };
  const join = (one: InLine): void => {
    line.set(one);
    for (const key of one.keys) ask(key);
  };
  const takeOut = (id: string, key: string): Promise<void> =>
    new Promise((resolve, reject) => {
      if (stopped) return reject(new UnavailableError("this process is about to end"));
      const { freeing } = keyOf(key);
      freeing.set(id, [...(freeing.get(id) ?? []), { resolve, reject }]);
      ask(key);
    });
  const free = ({ id, keys }: Pick<InLine, "id" | "keys">): Promise<unknown> =>
    Promise.all(keys.map((key) => takeOut(id, key))).catch((thrown: unknown) =>
      log.warn({ err: thrown, action: id }, "its slots are not freed yet"),
    );
  return {
    ready: follower.ready,
    wait({ record, revision }) {
      const keys = record.slots?.keys ?? [];
      for (const { key, value } of keys) if (value !== undefined) values.set(key, value);
      fresh.set(record.id, { record, revision });
      const sinceMs = toMs(record.timers.notBefore ?? record.createdAt);
      join({ id: record.id, sinceMs, lane: record.lane ?? "normal", keys: keys.map(({ key }) => key) });
      // One that cannot begin at once is read again when it can.
      if (!granting.has(record.id)) setTimeout(() => fresh.delete(record.id), EVERY_MS).unref();
    },
    async free({ id, slots }) {
      leave(id);
      retrying.delete(id);
      await Promise.all((slots?.keys ?? []).map(({ key }) => takeOut(id, key)));
    },
    onAction(change) {
      const header = change.exists ? readSlotsHeader(change.header(ACTION_HEADERS.slots)) : undefined;
      if (header?.kind === "retrying") retrying.add(change.key);
      else retrying.delete(change.key);
      if (header?.kind !== "waiting") {
        leave(change.key);
        return;
      }
      for (const { key, value } of header.keys) if (value !== undefined) values.set(key, value);
      const lane = parseQueue(change.header(ACTION_HEADERS.pool) ?? "")?.lane ?? "normal";
      const keys = header.keys.map(({ key }) => key);
      join({ id: change.key, sinceMs: toMs(header.since), lane, keys });
    },
    onLimits() {
      for (const key of line.keys()) ask(key);
    },
    due(isOpen) {
      if (!follower.isReady) return [];
      for (const key of line.keys()) ask(key);
      const held = [...all].map(([key, { slots }]) => ({ key, holders: slots?.holders ?? [] }));
      return leftSlots(deps, held, isOpen).map((left) => () => freeLeft(deps, left, takeOut));
    },
    copy: {
      keys: () => [...new Set([...all.keys(), ...line.keys()])],
      slotsOf: (key) => all.get(key)?.slots,
      waitingFor: (key) => line.of(key),
      find: (id) => line.get(id),
      isRetrying: (id) => retrying.has(id),
      numbersOf,
    },
    async stop() {
      stopped = true;
      for (const { timer } of all.values()) clearTimeout(timer);
      await follower.stop();
    },
  };
}

const emptyOf = (value: string | undefined): KeySlots => ({
  ...{ v: 1, holders: [], by: "nobody", at: "1970-01-01T00:00:00.000Z" },
  ...(value === undefined ? {} : { value }),
});
