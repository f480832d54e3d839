import type { Change } from "@jetmesh/storage";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { collect, type Page, type Source } from "../src/pages.ts";

interface Item {
  readonly sequence: number;
  readonly isWanted: boolean;
  readonly isAllowed: boolean;
}

const changeAt = (revision: number): Change => ({
  key: String(revision),
  revision,
  exists: true,
  data: new Uint8Array(),
  header: () => undefined,
});

/** A bucket's stream: records at rising sequences with gaps between, read as `scan` reads them. */
function sourceOf(items: readonly Item[]): Source<Item> & { reads: number; lookedAt: number; asked: number } {
  const wanted = new Map(items.filter(({ isWanted }) => isWanted).map((one) => [one.sequence, one]));
  const source = {
    reads: 0,
    lookedAt: 0,
    asked: 0,
    read(cursor: number, most: number, visit: (change: Change) => "more" | "enough") {
      source.reads += 1;
      const left = items.filter(({ sequence }) => sequence > cursor);
      const batch = left.slice(0, most);
      for (const [index, { sequence }] of batch.entries()) {
        source.lookedAt += 1;
        if (visit(changeAt(sequence)) === "enough")
          return Promise.resolve(index + 1 < left.length ? sequence : undefined);
      }
      return Promise.resolve(batch.length < left.length ? batch.at(-1)?.sequence : undefined);
    },
    parse: ({ revision }: Change) => wanted.get(revision),
    allow(found: readonly Item[]) {
      source.asked += found.length;
      return Promise.resolve(found.map(({ isAllowed }) => isAllowed));
    },
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

  it("shows every item that matches and may be seen once, in order, and nothing else", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(item, { maxLength: 60 }),
        fc.integer({ min: 1, max: 10 }),
        async (drawn, limit) => {
          let sequence = 0;
          const items = drawn.map(({ gap, ...rest }) => ({ ...rest, sequence: (sequence += gap) }));
          const pages = await allPages(sourceOf(items), limit);
          const wanted = items.filter(({ isWanted, isAllowed }) => isWanted && isAllowed);
          expect(pages.flatMap(sequences)).toEqual(wanted.map((one) => one.sequence));
          for (const page of pages) expect(page.items.length).toBeLessThanOrEqual(limit);
        },
      ),
    );
  });
});
