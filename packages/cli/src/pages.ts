import type { MeshClient } from "@jetmesh/client";
import type { Endpoint } from "@jetmesh/protocol";
import type { Output } from "./output.ts";

export interface List<T> {
  readonly items: readonly T[];
  /** There is more. */
  readonly cursor?: string;
}

const PAGE = 500;

/** Page after page until so many are there, from the filter's cursor on where it has one. */
export async function listAll<T>(
  client: MeshClient,
  endpoint: Endpoint,
  filter: Readonly<Record<string, unknown>> & { readonly cursor?: string },
  { limit, timeoutMs }: { limit: number; timeoutMs: number | undefined },
): Promise<List<T>> {
  const items: T[] = [];
  let cursor = filter.cursor;
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

/** Tells a person how to see what a list left out. */
export function noteMore(output: Output, { cursor }: List<unknown>, limit: number): void {
  if (cursor !== undefined && !output.isJson)
    output.note(`there are more: --cursor ${cursor}, or a --limit above ${limit}`);
}
