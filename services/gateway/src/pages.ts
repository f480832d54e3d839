import type { Change, Place } from "@jetmesh/storage";
import { decodeCursor, encodeCursor } from "./cursor.ts";

export interface Page<T> {
  readonly items: readonly T[];
  /** Where the next page begins; absent on the last. */
  readonly cursor?: string;
}

export interface Source<T, V = T> {
  /** In how many streams it lies, one after the other; one where this is left out. */
  readonly shards?: number;
  /** Reads on from a place, at most so many; gives the place after the last one read, undefined at the end. */
  read(cursor: Place, most: number, visit: (change: Change) => "more" | "enough"): Promise<Place | undefined>;
  /** Undefined where it does not match the filter, or cannot be read. */
  parse(change: Change): T | undefined;
  /** How much of a reply it takes; as much as it takes in its stream where this is left out. */
  bytesOf?(item: T): number;
  /** Which of them the caller may see. */
  allow(found: readonly T[]): Promise<readonly boolean[]>;
  /** What the caller may see of those, one for each. */
  show(seen: readonly T[]): Promise<readonly V[]>;
}

/** One request looks at no more records than this, so that a filter that matches little costs no minutes. */
const MOST_LOOKED_AT = 10_000;
/** A page ends after the record with which it holds this: a reply must fit a message, and a record may be 768 KB. */
const MOST_BYTES = 200 * 1024;

/**
 * One page, in the order of the records' last change within each shard: a cursor is a place in the bucket, so a page
 * costs what it shows and no more. A record that changes meanwhile moves to the end of its shard: it is on no page twice,
 * may be on a later one again, and is never missed.
 */
export async function collect<T, V = T>(
  { cursor, limit }: { cursor?: string | undefined; limit: number },
  source: Source<T, V>,
): Promise<Page<V>> {
  const { shards = 1 } = source;
  let from = cursor === undefined ? { shard: 0, sequence: 0 } : decodeCursor(cursor, shards);
  const items = new Map<string, V>();
  let lookedAt = 0;
  let bytes = 0;
  for (;;) {
    const found = new Map<string, T>();
    const next = await source.read(from, Math.min(1_000, MOST_LOOKED_AT - lookedAt), (change) => {
      lookedAt += 1;
      const { key } = change;
      const item = source.parse(change);
      // Its last version counts, also where that does not match any more.
      items.delete(key);
      found.delete(key);
      if (item !== undefined) {
        found.set(key, item);
        bytes += source.bytesOf?.(item) ?? change.data.length;
      }
      return items.size + found.size >= limit || bytes >= MOST_BYTES ? "enough" : "more";
    });
    const allowed = await source.allow([...found.values()]);
    const seen = [...found].filter((_, index) => allowed[index]);
    const shown = await source.show(seen.map(([, item]) => item));
    for (const [index, item] of shown.entries()) items.set(seen[index]?.[0] ?? "", item);
    if (next === undefined) return { items: [...items.values()] };
    if (items.size >= limit || lookedAt >= MOST_LOOKED_AT || bytes >= MOST_BYTES)
      return { items: [...items.values()], cursor: encodeCursor(next, shards) };
    from = next;
  }
}
