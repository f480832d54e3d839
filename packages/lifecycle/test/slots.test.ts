import type { SlotHolder } from "@jetmesh/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  freed,
  holds,
  type Numbers,
  planTurn,
  roomOf,
  type Slots,
  standOfSeveral,
  type Waiter,
} from "../src/index.ts";

const NOW = Date.UTC(2026, 0, 1, 12);
const NOBODY = new Set<string>();
const none: Slots = { holders: [] };
const since = new Date(NOW).toISOString();
const holder = (id: string): SlotHolder => ({ id, since });
const waiter = (id: string, stand: Waiter["stand"] = "next"): Waiter => ({ id, stand });
const idsOf = ({ holders }: Slots): string[] => holders.map(({ id }) => id);
const idOf = (one: number): string => `action${String(one).padStart(10, "0")}`;

describe("a turn", () => {
  it("gives the slots that there are to those that wait, in their order", () => {
    const { next, served } = planTurn(
      none,
      NOBODY,
      ["a", "b", "c"].map((id) => waiter(id)),
      { concurrency: 2 },
      NOW,
    );
    expect(idsOf(next)).toEqual(["a", "b"]);
    expect(served.map(({ id }) => id)).toEqual(["a", "b"]);
  });

  it("takes out what is freed, and gives it to the next in the same turn", () => {
    const slots = { holders: [holder("a"), holder("b")] };
    const { next } = planTurn(slots, new Set(["a"]), [waiter("c"), waiter("d")], { concurrency: 2 }, NOW);
    expect(idsOf(next)).toEqual(["b", "c"]);
  });

  it("passes over those that can take nothing yet, and keeps one for those that take another key first", () => {
    const waiting = [waiter("a", "not_yet"), waiter("b", "elsewhere"), waiter("c"), waiter("d")];
    expect(idsOf(planTurn(none, NOBODY, waiting, { concurrency: 2 }, NOW).next)).toEqual(["c"]);
  });

  it("gives none while there are more than the number says, and takes none away", () => {
    const slots = { holders: ["a", "b", "c"].map(holder) };
    const { next, served } = planTurn(slots, NOBODY, [waiter("d")], { concurrency: 1 }, NOW);
    expect(next).toBe(slots);
    expect(served).toEqual([]);
  });

  it("changes nothing where nothing is to be done, and gives nobody two", () => {
    const slots = { holders: [holder("a")] };
    expect(planTurn(slots, NOBODY, [waiter("a")], { concurrency: 5 }, NOW).next).toBe(slots);
    expect(freed(slots, new Set(["x"]))).toBe(slots);
  });

  it("gives no more than a record has room for where there is no number", () => {
    const waiting = Array.from({ length: 1_100 }, (_, one) => waiter(idOf(one)));
    expect(planTurn(none, NOBODY, waiting, { concurrency: 0 }, NOW).next.holders).toHaveLength(1_000);
  });
});

describe("a rate", () => {
  const numbers: Numbers = { concurrency: 0, rate: { count: 3, every: 3_000 } };

  it("lets so many begin at once, then one in each part of its time, and says when", () => {
    const waiting = Array.from({ length: 5 }, (_, one) => waiter(idOf(one)));
    const first = planTurn(none, NOBODY, waiting, numbers, NOW);
    expect(first.served).toHaveLength(3);
    expect(first.nextAtMs).toBe(NOW + 1_000);
    expect(planTurn(first.next, NOBODY, waiting, numbers, NOW + 999).served).toEqual([]);
    const second = planTurn(first.next, NOBODY, waiting, numbers, NOW + 1_000);
    expect(second.served.map(({ id }) => id)).toEqual([idOf(3)]);
  });

  it("is whole again behind its time", () => {
    const { next } = planTurn(
      none,
      NOBODY,
      [0, 1, 2].map((one) => waiter(idOf(one))),
      numbers,
      NOW,
    );
    expect(roomOf(next, numbers, NOW + 3_000)).toBe(3);
  });

  it("lets in any time t no more than count × (1 + t / every) begin", () => {
    fc.assert(
      fc.property(
        fc.record({
          count: fc.integer({ min: 1, max: 50 }),
          every: fc.integer({ min: 1_000, max: 100_000 }),
        }),
        fc.array(fc.integer({ min: 0, max: 5_000 }), { minLength: 1, maxLength: 60 }),
        (rate, waits) => {
          let [slots, now, made]: [Slots, number, number] = [none, NOW, 0];
          const begun: number[] = [];
          for (const waitMs of waits) {
            now += waitMs;
            const waiting = Array.from({ length: 20 }, () => waiter(idOf((made += 1))));
            const turn = planTurn(slots, NOBODY, waiting, { concurrency: 0, rate }, now);
            begun.push(...turn.served.map(() => now));
            // They end at once: the rate alone keeps the others.
            slots = freed(turn.next, new Set(idsOf(turn.next)));
          }
          begun.forEach((from, index) => {
            begun.slice(index).forEach((to, more) => {
              expect(more + 1).toBeLessThanOrEqual(rate.count * (1 + (to - from) / rate.every) + 1e-3);
            });
          });
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe("one that waits for several keys", () => {
  const of = (full: readonly string[], waitsMs = 0, firstFor: readonly string[] = []) => ({
    missing: ["a", "b"],
    isFull: (key: string) => full.includes(key),
    isFirst: (key: string) => firstFor.includes(key),
    waitsMs,
  });

  it("takes the first of them where all have room, and has the others kept meanwhile", () => {
    expect(standOfSeveral("a", of([]))).toBe("next");
    expect(standOfSeveral("b", of([]))).toBe("elsewhere");
  });

  it("takes none while another has no room", () => {
    expect(standOfSeveral("a", of(["b"]))).toBe("not_yet");
    expect(standOfSeveral("b", of(["a"]))).toBe("not_yet");
  });

  it("takes what there is once it has waited for long, where it comes first for what there is not", () => {
    expect(standOfSeveral("a", of(["b"], 9_999, ["b"]))).toBe("not_yet");
    expect(standOfSeveral("a", of(["b"], 10_000, ["b"]))).toBe("next");
    expect(standOfSeveral("a", of(["b"], 10_000))).toBe("not_yet");
  });

  it("takes the one that it lacks, whatever its age", () => {
    expect(standOfSeveral("b", { ...of([]), missing: ["b"] })).toBe("next");
  });
});

/**
 * Several state-stores, each with a copy of one key and of who waits, that may be old: what they write is a compare-and-swap,
 * they die between a slot and the grant, and find again what is there. What the shell does is done here as it does it.
 */
describe("any number of state-stores, whatever order their turns and deaths come in", () => {
  const step = fc.record({
    what: fc.constantFrom("come", "come", "turn", "turn", "turn", "look", "end", "cancel", "lease", "die"),
    store: fc.nat(2),
    pick: fc.nat(1_000),
  });

  it("never let in more than the number, lose nobody, and serve everybody in the end", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4 }),
        fc.array(step, { maxLength: 150 }),
        (concurrency, steps) => {
          interface Store {
            copy: Slots;
            revision: number;
            /** Taken, and not granted by it yet. */
            granting: string[];
          }
          let record: { slots: Slots; revision: number } = { slots: none, revision: 0 };
          const actions = new Map<string, "waiting" | "granted" | "over">();
          const fresh = (): Store => ({ copy: record.slots, revision: record.revision, granting: [] });
          const stores: [Store, Store, Store] = [fresh(), fresh(), fresh()];
          const granted = (): string[] => [...actions].filter(([, is]) => is === "granted").map(([id]) => id);
          const look = (store: Store): void => {
            Object.assign(store, { copy: record.slots, revision: record.revision });
          };
          const turn = (store: Store, freeing: ReadonlySet<string> = NOBODY): boolean => {
            const waiting = [...actions].filter(([, is]) => is === "waiting").map(([id]) => waiter(id));
            const { next } = planTurn(store.copy, freeing, waiting, { concurrency }, NOW);
            if (next !== store.copy) {
              if (store.revision !== record.revision) {
                Object.assign(store, { copy: record.slots, revision: record.revision });
                return false;
              }
              record = { slots: next, revision: record.revision + 1 };
              Object.assign(store, { copy: next, revision: record.revision });
            }
            for (const id of idsOf(store.copy)) if (actions.get(id) === "waiting") store.granting.push(id);
            return true;
          };
          const grantAll = (store: Store): void => {
            for (const id of store.granting.splice(0)) {
              // A compare-and-swap of its record: it is granted once, and not any more once it is over.
              if (actions.get(id) === "waiting") actions.set(id, "granted");
              else if (actions.get(id) === "over") freeOf(store, id);
            }
          };
          const freeOf = (store: Store, id: string): void => {
            // One that it does not know of is looked for at the leader.
            if (!holds(store.copy, id)) look(store);
            for (let tries = 0; tries < 3 && !turn(store, new Set([id])); tries += 1);
          };
          const pickOf = (ids: readonly string[], pick: number): string | undefined =>
            ids[pick % Math.max(1, ids.length)];
          const check = (): void => {
            expect(granted().length).toBeLessThanOrEqual(concurrency);
            expect(record.slots.holders.length).toBeLessThanOrEqual(concurrency);
            for (const id of granted()) expect(holds(record.slots, id)).toBe(true);
          };
          for (const { what, store: index, pick } of steps) {
            const store = stores[index as 0 | 1 | 2];
            if (what === "come") actions.set(idOf(actions.size), "waiting");
            if (what === "look") look(store);
            if (what === "turn") {
              turn(store);
              if (pick % 3 > 0) grantAll(store);
            }
            if (what === "die") Object.assign(store, fresh());
            if (what === "end" || what === "cancel") {
              const state = what === "end" ? "granted" : "waiting";
              const ended = pickOf(
                [...actions].filter(([, is]) => is === state).map(([id]) => id),
                pick,
              );
              if (ended !== undefined) {
                actions.set(ended, "over");
                // Half of those who end one die before they free it.
                if (pick % 2 === 0) freeOf(store, ended);
              }
            }
            if (what === "lease")
              for (const id of idsOf(record.slots)) if (actions.get(id) === "over") freeOf(store, id);
            check();
          }
          // Everything goes on: what is written is heard of, the leases are looked at, those that run end, everybody has a turn.
          for (let rounds = 0; rounds < actions.size + 5; rounds += 1) {
            look(stores[0]);
            for (const id of granted()) actions.set(id, "over");
            for (const id of idsOf(record.slots)) if (actions.get(id) === "over") freeOf(stores[0], id);
            turn(stores[0]);
            grantAll(stores[0]);
            check();
          }
          expect([...actions.values()].filter((is) => is === "waiting")).toEqual([]);
        },
      ),
      { numRuns: 300 },
    );
  });
});
