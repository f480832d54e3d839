import type { Change, Place } from "@jetmesh/storage";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeCursor, encodeCursor } from "../src/cursor.ts";
import { collect, type Page, type Source } from "../src/pages.ts";

interface Item {
  /** Its own where this is left out. */
  readonly key?: string;
  readonly shard?: number;
  readonly sequence: number;
  readonly isWanted: boolean;
  readonly isAllowed: boolean;
}

const changeAt = (revision: number, key = String(revision)): Change => ({
  key,
  revision,
  exists: true,
  data: new Uint8Array(),
  header: () => undefined,
});

/** A bucket of some shards: records at rising sequences with gaps between, read as `scan` reads them. */
function sourceOf(
  items: readonly Item[],
  shards = 1,
): Source<Item> & { reads: number; lookedAt: number; asked: number } {
  const wanted = new Set(items.filter(({ isWanted }) => isWanted));
  let present: Item | undefined;
  const source = {
    shards,
    reads: 0,
    lookedAt: 0,
    asked: 0,
    read(cursor: Place, most: number, visit: (change: Change) => "more" | "enough") {
      source.reads += 1;
      let left = most;
      for (let { shard, sequence: after } = cursor; shard < shards; shard += 1, after = 0) {
        const own = items.filter((item) => (item.shard ?? 0) === shard && item.sequence > after);
        for (const [index, item] of own.entries()) {
          source.lookedAt += 1;
          left -= 1;
          present = item;
          const isEnough =
            visit(changeAt(item.sequence, `${String(shard)}.${item.key ?? String(item.sequence)}`)) ===
              "enough" || left === 0;
          if (!isEnough) continue;
          if (index + 1 < own.length) return Promise.resolve({ shard, sequence: item.sequence });
          return Promise.resolve(shard + 1 < shards ? { shard: shard + 1, sequence: 0 } : undefined);
        }
      }
      return Promise.resolve(undefined);
    },
    parse: () => (present !== undefined && wanted.has(present) ? present : undefined),
    allow(found: readonly Item[]) {
      source.asked += found.length;
      return Promise.resolve(found.map(({ isAllowed }) => isAllowed));
    },
    show: (found: readonly Item[]) => Promise.resolve(found),
  };
  return source;
}

const rows = (count: number, more: Partial<Item> = {}): Item[] =>
  Array.from({ length: count }, (_, n) => ({
    sequence: 3 * n + 2,
    isWanted: true,
    isAllowed: true,
    ...more,
  }));
const sequences = (page: Page<Item>): number[] => page.items.map(({ sequence }) => sequence);

/** All pages one after another, as a client asks for them. */
async function allPages(source: Source<Item>, limit: number): Promise<Page<Item>[]> {
  const pages: Page<Item>[] = [];
  for (let cursor: string | undefined; ; ) {
    const page = await collect({ cursor, limit }, source);
    pages.push(page);
    if (page.cursor === undefined) return pages;
    ({ cursor } = page);
  }
}

describe("a page", () => {
  it("has no more items than asked for, and a cursor where more follow", async () => {
    const page = await collect({ limit: 2 }, sourceOf(rows(5)));
    expect(sequences(page)).toEqual([2, 5]);
    expect(page.cursor).toBe("5");
  });

  it("goes on behind the cursor of the one before", async () => {
    const source = sourceOf(rows(5));
    const { cursor } = await collect({ limit: 2 }, source);
    expect(sequences(await collect({ cursor, limit: 2 }, source))).toEqual([8, 11]);
  });

  it("has no cursor where nothing follows, also when it is just full", async () => {
    expect((await collect({ limit: 10 }, sourceOf(rows(5)))).cursor).toBeUndefined();
    expect((await collect({ limit: 5 }, sourceOf(rows(5)))).cursor).toBeUndefined();
    expect(await collect({ limit: 5 }, sourceOf([]))).toEqual({ items: [] });
  });

  it("is filled up with what may be seen, not with what is there", async () => {
    const hidden = rows(20).map((row, n) => ({ ...row, isAllowed: n % 5 === 4 }));
    const page = await collect({ limit: 3 }, sourceOf(hidden));
    expect(page.items).toHaveLength(3);
    expect(page.items.every(({ isAllowed }) => isAllowed)).toBe(true);
  });

  it("misses nothing where what may not be seen comes right before it", async () => {
    const next = [1, 2, 3, 4].map((sequence) => ({
      sequence,
      isWanted: true,
      isAllowed: sequence % 2 === 0,
    }));
    expect(sequences(await collect({ limit: 1 }, sourceOf(next)))).toEqual([2]);
    expect(sequences(await collect({ limit: 2 }, sourceOf(next)))).toEqual([2, 4]);
  });

  it("shows a record that changes meanwhile once, as it was at last", async () => {
    const [first, ...rest] = rows(4).map((row) => ({ ...row, key: String(row.sequence) }));
    const again = { ...first, sequence: 100 } as Item;
    expect(sequences(await collect({ limit: 10 }, sourceOf([first as Item, ...rest, again])))).toEqual([
      5, 8, 11, 100,
    ]);
    const hidden = { ...again, isWanted: false };
    expect(sequences(await collect({ limit: 10 }, sourceOf([first as Item, ...rest, hidden])))).toEqual([
      5, 8, 11,
    ]);
  });

  it("does not show what an earlier read of the same page found and a later one finds changed", async () => {
    // A read is cut at 1 000: the second one comes by what the first has shown.
    const many = rows(1_000).map((row, n) => ({ ...row, isWanted: n < 2, key: String(n) }));
    const [own = { sequence: 0, isWanted: true, isAllowed: true }] = rows(1);
    const behind: Item[] = [
      { ...own, key: "0", sequence: 9_000 },
      { ...own, key: "1", sequence: 9_001, isWanted: false },
      { ...own, key: "new", sequence: 9_002 },
    ];
    const page = await collect({ limit: 3 }, sourceOf([...many, ...behind]));
    expect(sequences(page)).toEqual([9_000, 9_002]);
    expect(page.cursor).toBeUndefined();
  });

  it("looks at no more than it needs", async () => {
    const source = sourceOf(rows(1_000));
    await collect({ limit: 7 }, source);
    expect(source).toMatchObject({ reads: 1, lookedAt: 7, asked: 7 });
  });

  it("asks about what matches the filter alone", async () => {
    const source = sourceOf(rows(100).map((row, n) => ({ ...row, isWanted: n < 10 })));
    expect((await collect({ limit: 50 }, source)).items).toHaveLength(10);
    expect(source.asked).toBe(10);
  });

  it("stops looking after 10 000 records that do not match, and says where to go on", async () => {
    const source = sourceOf([
      ...rows(10_000, { isWanted: false }),
      { sequence: 40_000, isWanted: true, isAllowed: true },
    ]);
    const page = await collect({ limit: 1 }, source);
    expect(page.items).toEqual([]);
    expect(source.lookedAt).toBe(10_000);
    expect(sequences(await collect({ cursor: page.cursor, limit: 1 }, source))).toEqual([40_000]);
  });

  it.each(["x", "-1", "1.5", "NaN", "1e400", "9007199254740992"])(
    "is refused for a cursor that was never given out: %s",
    async (cursor) => {
      await expect(collect({ cursor, limit: 1 }, sourceOf(rows(1)))).rejects.toMatchObject({
        refusal: { code: "invalid_request" },
      });
    },
  );
});

describe("page after page", () => {
  const item = fc.record({
    isWanted: fc.boolean(),
    isAllowed: fc.boolean(),
    gap: fc.integer({ min: 1, max: 3 }),
  });

  it("shows every item that matches and may be seen once, shard by shard in order, and nothing else", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(item, { maxLength: 40 }), { minLength: 1, maxLength: 5 }),
        fc.integer({ min: 1, max: 10 }),
        async (drawn, limit) => {
          const items = drawn.flatMap((own, shard) => {
            let sequence = 0;
            return own.map(({ gap, ...rest }) => ({ ...rest, shard, sequence: (sequence += gap) }));
          });
          const pages = await allPages(sourceOf(items, drawn.length), limit);
          const wanted = items.filter(({ isWanted, isAllowed }) => isWanted && isAllowed);
          expect(pages.flatMap(({ items: shown }) => shown)).toEqual(wanted);
          for (const page of pages) expect(page.items.length).toBeLessThanOrEqual(limit);
        },
      ),
    );
  });
});

describe("a cursor", () => {
  const place = fc.integer({ min: 1, max: 64 }).chain((shards) =>
    fc.record({
      shards: fc.constant(shards),
      shard: fc.integer({ min: 0, max: shards - 1 }),
      sequence: fc.maxSafeNat(),
    }),
  );

  it("is read as the place that it was given out for", () => {
    fc.assert(
      fc.property(place, ({ shards, ...given }) => {
        expect(decodeCursor(encodeCursor(given, shards), shards)).toEqual(given);
      }),
    );
  });

  it("is a number where there is one shard, as it always was", () => {
    expect(encodeCursor({ shard: 0, sequence: 57 }, 1)).toBe("57");
  });

  it("is refused where the mesh has another number of shards by now", () => {
    fc.assert(
      fc.property(place, fc.integer({ min: 1, max: 64 }), ({ shards, ...given }, others) => {
        fc.pre(others !== shards);
        expect(() => decodeCursor(encodeCursor(given, shards), others)).toThrow(/none that was given out/);
      }),
    );
  });

  it.each([
    "",
    "5",
    "4",
    "4.4.5",
    "4.-1.5",
    "4.1.5.6",
    "4.1",
    "4.01.5",
    "4.1.05",
    "4.1.1e3",
    "4.1.-5",
    "4..5",
  ])("is refused by a mesh of four shards that never gave it out: %j", (cursor) => {
    expect(() => decodeCursor(cursor, 4)).toThrow(/none that was given out/);
  });

  it("is refused, whatever it is, or is a place that there is", () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 64 }), (text, shards) => {
        let read: Place;
        try {
          read = decodeCursor(text, shards);
        } catch {
          return;
        }
        expect(encodeCursor(read, shards)).toBe(text);
        expect(read.shard).toBeLessThan(shards);
      }),
    );
  });
});
