import type { AskOf } from "@jetmesh/protocol";
import type { Asks } from "./asks.ts";
import type { ItemOf, ListEndpoint, Page } from "./replies.ts";

export async function* allPages<E extends ListEndpoint>(
  client: Asks,
  endpoint: E,
  filter?: AskOf<E>,
  timeoutMs?: number,
): AsyncGenerator<ItemOf<E>, void, undefined> {
  let cursor: string | undefined;
  do {
    const ask = { ...filter, ...(cursor === undefined ? {} : { cursor }) };
    const page: Page<ItemOf<E>> = await client.request(endpoint, ask, timeoutMs);
    yield* page.items;
    cursor = page.cursor;
  } while (cursor !== undefined);
}
