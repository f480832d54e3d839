import type { Names } from "@jetmesh/protocol";
import type { Connection } from "./connection.ts";
import type { Change } from "./follow.ts";
import { scan } from "./scan.ts";

/**
 * What `pick` makes of a bucket's records, by key and in the order of their last change. A scan may come by one that
 * changes meanwhile more than once: its last version counts, also where `pick` wants that no more. Ends once `most` are
 * wanted; what is not wanted takes no memory.
 */
export async function scanNewest<T>(
  connection: Connection,
  names: Names,
  bucket: string,
  most: number,
  pick: (change: Change) => T | undefined,
  keys?: string,
): Promise<Map<string, T>> {
  const found = new Map<string, T>();
  const options = { most: Number.MAX_SAFE_INTEGER, ...(keys === undefined ? {} : { keys }) };
  await scan(connection, names, bucket, options, (change) => {
    found.delete(change.key);
    const picked = pick(change);
    if (picked !== undefined) found.set(change.key, picked);
    return found.size < most ? "more" : "enough";
  });
  return found;
}
