import { RefusedError } from "@jetmesh/service-kit";
import type { Change } from "@jetmesh/storage";

export interface Page<T> {
  readonly items: readonly T[];
  /** Where the next page begins; absent on the last. */
  readonly cursor?: string;
}

export interface Source<T> {
  /** Reads on from a cursor, at most so many; gives the cursor after the last one read, undefined at the end. */
  read(
    cursor: number,
    most: number,
    visit: (change: Change) => "more" | "enough",
  ): Promise<number | undefined>;
  /** Undefined where it does not match the filter, or cannot be read. */
  parse(change: Change): T | undefined;
  /** How much of a reply it takes; as much as it takes in its stream where this is left out. */
  bytesOf?(item: T): number;
  /** Which of them the caller may see. */
  allow(found: readonly T[]): Promise<readonly boolean[]>;
}

/** One request looks at no more records than this, so that a filter that matches little costs no minutes. */
const MOST_LOOKED_AT = 10_000;
/** A page ends after the record with which it holds this: a reply must fit a message, and a record may be 768 KB. */
const MOST_BYTES = 200 * 1024;

/**
 * One page, in the order of the records' last change: a cursor is a place in the bucket's stream, so a page costs
 * what it shows and no more. A record that changes meanwhile moves to the end, and may be seen twice, never missed.
 */
export async function collect<T>(
  { cursor, limit }: { cursor?: string | undefined; limit: number },
  source: Source<T>,
): Promise<Page<T>> {
  let from = cursor === undefined ? 0 : Number(cursor);
  if (!Number.isSafeInteger(from) || from < 0)
    throw new RefusedError("invalid_request", "the cursor is none that was given out");
  const items: T[] = [];
  let lookedAt = 0;
  let bytes = 0;
  for (;;) {
    const found: T[] = [];
    const next = await source.read(from, Math.min(1_000, MOST_LOOKED_AT - lookedAt), (change) => {
      lookedAt += 1;
      const item = source.parse(change);
      if (item !== undefined) {
        found.push(item);
        bytes += source.bytesOf?.(item) ?? change.data.length;
      }
      return items.length + found.length >= limit || bytes >= MOST_BYTES ? "enough" : "more";
    });
    const allowed = await source.allow(found);
    items.push(...found.filter((_, index) => allowed[index]));
    if (next === undefined) return { items };
    if (items.length >= limit || lookedAt >= MOST_LOOKED_AT || bytes >= MOST_BYTES)
      return { items, cursor: String(next) };
    from = next;
  }
}
