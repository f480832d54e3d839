import type { MeshClient } from "@jetmesh/client";
import type { Endpoint } from "@jetmesh/protocol";
import type { Output } from "./output.ts";

export interface List<T> {
  readonly items: readonly T[];
  /** There is more. */
  readonly cursor?: string;
}

const PAGE = 500;

/** By what a thing is known that is on two pages. */
interface Listed {
  readonly reference?: string | undefined;
  readonly id?: string | undefined;
  readonly sequence?: number | undefined;
}

/**
 * Page after page until so many are there, from the filter's cursor on where it has one. What changes meanwhile moves to
 * the end, and may be on a later page again: the later counts.
 */
export async function listAll<T extends Listed>(
  client: Pick<MeshClient, "request">,
  endpoint: Endpoint,
  filter: Readonly<Record<string, unknown>> & { readonly cursor?: string },
  { limit, timeoutMs }: { limit: number; timeoutMs: number | undefined },
): Promise<List<T>> {
  const found = new Map<string | number | undefined, T>();
  let cursor = filter.cursor;
  do {
    const page = {
      ...filter,
      limit: Math.min(PAGE, limit - found.size),
      ...(cursor === undefined ? {} : { cursor }),
    };
    const answer = await client.request<List<T>>(endpoint, page, timeoutMs);
    for (const item of answer.items) {
      const key = item.id ?? item.reference ?? item.sequence;
      found.delete(key);
      found.set(key, item);
    }
    cursor = answer.cursor;
  } while (cursor !== undefined && found.size < limit);
  const items = [...found.values()];
  return cursor === undefined ? { items } : { items, cursor };
}

/** Tells a person how to see what a list left out. */
export function noteMore(output: Output, { cursor }: List<unknown>, limit: number): void {
  if (cursor !== undefined && !output.isJson)
    output.note(`there are more: --cursor ${cursor}, or a --limit above ${limit}`);
}
