import type { MeshClient } from "@jetmesh/client";
import type { Endpoint } from "@jetmesh/protocol";

export interface List<T> {
  readonly items: readonly T[];
  /** There is more. */
  readonly cursor?: string;
}

const PAGE = 500;

/** Page after page until so many are there. */
export async function listAll<T>(
  client: MeshClient,
  endpoint: Endpoint,
  filter: Readonly<Record<string, unknown>>,
  { limit, timeoutMs }: { limit: number; timeoutMs: number | undefined },
): Promise<List<T>> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const page = {
      ...filter,
      limit: Math.min(PAGE, limit - items.length),
      ...(cursor === undefined ? {} : { cursor }),
    };
    const answer = await client.request<List<T>>(endpoint, page, timeoutMs);
    items.push(...answer.items);
    cursor = answer.cursor;
  } while (cursor !== undefined && items.length < limit);
  return cursor === undefined ? { items } : { items, cursor };
}
