import { compareDocuments, type DefinitionDocument, type DocumentKind } from "@jetmesh/protocol";
import type { Asks } from "./asks.ts";
import { allPages } from "./pages.ts";

/**
 * All documents of a mesh that the client's user may read, page after page, in the order of kinds and references. One that
 * changes meanwhile may come twice: the later counts.
 */
export async function exportDocuments(
  client: Asks,
  { kinds, timeoutMs }: { readonly kinds?: readonly DocumentKind[]; readonly timeoutMs?: number } = {},
): Promise<DefinitionDocument[]> {
  const found = new Map<string, DefinitionDocument>();
  const filter = { limit: 1_000, ...(kinds === undefined ? {} : { kinds: [...kinds] }) };
  for await (const document of allPages(client, "export", filter, timeoutMs))
    found.set(`${document.kind}.${document.reference}`, document);
  return [...found.values()].sort(compareDocuments);
}
