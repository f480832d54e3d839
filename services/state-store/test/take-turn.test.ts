import { planTurn, type Waiter } from "@jetmesh/lifecycle";
import type { KeySlots } from "@jetmesh/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type SlotsAt, takeTurn } from "../src/take-turn.ts";

const NOW = Date.UTC(2026, 0, 1, 12);
const at = new Date(NOW).toISOString();
const slotsOf = (ids: readonly string[]): KeySlots => ({
  ...{ v: 1, by: "somebody", at },
  holders: ids.map((id) => ({ id, since: at })),
});
const idsOf = ({ holders }: Pick<KeySlots, "holders">): string[] => holders.map(({ id }) => id);
const waiter = (id: string): Waiter => ({ id, stand: "next" });

/** The record as the leader has it, by compare-and-swap, and whoever follows it: each hears of each write some time later. */
function recordOf(ids: readonly string[]) {
  let now: SlotsAt = { slots: slotsOf(ids), revision: 1 };
  const history = [now];
  return {
    history,
    now: () => now,
    write(slots: KeySlots, revision: number): boolean {
      if (revision !== now.revision) return false;
      now = { slots, revision: revision + 1 };
      history.push(now);
      return true;
    },
  };
}
type KeyRecord = ReturnType<typeof recordOf>;

interface Store {
  turn(): Promise<void>;
  hear(): void;
  readonly line: Set<string>;
}

/** A state-store's part in it: a copy that it hears of, a line that may be old, and waits that end when `wait` lets them. */
function storeOf(
  record: KeyRecord,
  wait: () => Promise<void>,
  more: {
    readonly line: readonly string[];
    readonly concurrency: () => number;
    readonly isWaiting?: (id: string) => boolean;
    readonly freeing?: Set<string>;
  },
): Store {
  let copy = record.now();
  const line = new Set(more.line);
  const take = (next: SlotsAt): void => void (copy = next.revision > copy.revision ? next : copy);
  return {
    line,
    hear: () => take(record.now()),
    async turn() {
      await takeTurn("limit.few", {
        known: () => copy,
        freeing: () => more.freeing ?? new Set<string>(),
        async reload() {
          await wait();
          take(record.now());
        },
        async numbers() {
          await wait();
          return more.concurrency();
        },
        plan: (slots, freeing, concurrency) =>
          planTurn(slots, freeing, [...line].map(waiter), { concurrency }, NOW),
        isSure: () => false,
        async lookAt(id) {
          await wait();
          if (more.isWaiting?.(id) === false) line.delete(id);
        },
        othersOf: () => [],
        lookAtOther: wait,
        async write(next, revision) {
          await wait();
          const isWritten = record.write(next, revision);
          if (isWritten) take({ slots: next, revision: revision + 1 });
          await wait();
          return isWritten;
        },
      });
    },
  };
}

const CAME = Array.from({ length: 8 }, (_, index) => `action${String(index)}`);

describe("turns of a key in several state-stores", () => {
  it("never let in more than a limit that is raised says, nor forget who has a slot, whatever is heard while one waits", () =>
    fc.assert(
      fc.asyncProperty(
        fc.scheduler(),
        fc.array(fc.constantFrom("turn", "hear"), { minLength: 2, maxLength: 12 }),
        fc.array(fc.constantFrom("turn", "hear"), { minLength: 2, maxLength: 12 }),
        async (scheduler, ...acts) => {
          const [first = ""] = CAME;
          const record = recordOf([first]);
          const begun = new Set([first]);
          const running = acts.map(async (own, index) => {
            const store = storeOf(record, () => scheduler.schedule(Promise.resolve()), {
              // What came at the same time stands in another order in the other one's line.
              line: index === 0 ? CAME : CAME.toReversed(),
              concurrency: () => 3,
            });
            const hearing = own
              .filter((act) => act === "hear")
              .map(() => scheduler.schedule(Promise.resolve()).then(() => store.hear()));
            for (const act of own) if (act === "turn") await store.turn();
            await Promise.all(hearing);
          });
          await scheduler.waitFor(Promise.all(running));
          for (const { slots } of record.history) for (const id of idsOf(slots)) begun.add(id);
          expect([...begun].toSorted()).toEqual(idsOf(record.now().slots).toSorted());
          expect(begun.size).toBeLessThanOrEqual(3);
        },
      ),
      { numRuns: 500 },
    ));

  it.each([1, 2, 3, 4, 5])(
    "plan anew where others were let in and that was heard while they waited, at wait %i of a turn",
    async (nth) => {
      const record = recordOf(["a"]);
      let waits = 0;
      const store: Store = storeOf(
        record,
        async () => {
          waits += 1;
          if (waits === nth) record.write(slotsOf(["a", "b", "c"]), 1);
          store.hear();
        },
        { line: ["d", "e"], concurrency: () => 3 },
      );
      await store.turn();
      expect(waits).toBeGreaterThanOrEqual(nth);
      expect(idsOf(record.now().slots)).toEqual(["a", "b", "c"]);
    },
  );
});

describe("whoever comes next", () => {
  it("is looked at once more, and gives way to the next where it was paused or has ended meanwhile", async () => {
    const record = recordOf([]);
    const paused = new Set(["a", "c"]);
    const store = storeOf(record, async () => undefined, {
      line: ["a", "b", "c", "d", "e"],
      concurrency: () => 2,
      isWaiting: (id) => !paused.has(id),
    });
    await store.turn();
    expect(idsOf(record.now().slots)).toEqual(["b", "d"]);
  });
});

describe("who is to be freed", () => {
  it.each([
    ["goes out alone", [], []],
    ["makes room for the next in the same write", ["b"], ["b"]],
  ])("is looked for at the leader where the copy does not have it, and %s", async (_what, line, then) => {
    const record = recordOf([]);
    const freeing = new Set(["a"]);
    const store = storeOf(record, async () => undefined, { line, concurrency: () => 1, freeing });
    record.write(slotsOf(["a"]), 1);
    await store.turn();
    expect(record.history.map(({ slots }) => idsOf(slots))).toEqual([[], ["a"], then]);
  });
});
