import {
  compareDocuments,
  type DefinitionDocument,
  DOCUMENT_KINDS,
  type DocumentKind,
  documentOf,
  type ExportReply,
  type JetDefinition,
  type JetView,
  type RequestOf,
} from "@jetmesh/protocol";
import { RefusedError } from "@jetmesh/service-kit";
import { listDefinitions } from "./definition-endpoints.ts";
import type { GatewayDeps } from "./deps.ts";
import { listJets } from "./jet-endpoints.ts";
import type { Page } from "./pages.ts";

type Request = RequestOf<"export">;

/** A page that holds this is not begun another kind on: with one more page of a kind it still fits a message. */
const ENOUGH_BYTES = 100 * 1024;

/**
 * Definitions and jets as documents, as far as the caller may read them: what `import` takes. Kind by kind, so that what is
 * named comes before what names it; a cursor is the kind and the place in its list.
 */
export async function exportDocuments(
  deps: GatewayDeps,
  user: string,
  request: Request,
): Promise<ExportReply> {
  const kinds = DOCUMENT_KINDS.filter((kind) => request.kinds?.includes(kind) ?? true);
  let [kind, cursor] = placeOf(request.cursor, kinds);
  const items: DefinitionDocument[] = [];
  let bytes = 0;
  while (kind !== undefined) {
    const { limit } = request;
    const page = await pageOf(deps, user, kind, {
      limit: limit - items.length,
      ...(cursor === undefined ? {} : { cursor }),
    });
    const documents = page.items.map(documentOf).toSorted(compareDocuments);
    items.push(...documents);
    bytes += JSON.stringify(documents).length;
    if (page.cursor !== undefined) return { items, cursor: `${kind}:${page.cursor}` };
    [kind, cursor] = [kinds[kinds.indexOf(kind) + 1], undefined];
    if (kind !== undefined && (items.length >= limit || bytes >= ENOUGH_BYTES))
      return { items, cursor: `${kind}:` };
  }
  return { items };
}

function placeOf(
  cursor: string | undefined,
  kinds: readonly DocumentKind[],
): [kind: DocumentKind | undefined, cursor: string | undefined] {
  if (cursor === undefined) return [kinds[0], undefined];
  const [, name, place] = /^([A-Za-z]+):(.*)$/.exec(cursor) ?? [];
  const kind = kinds.find((one) => one === name);
  if (kind === undefined)
    throw new RefusedError("invalid_request", "the cursor is none that was given out for these kinds");
  return [kind, place === "" ? undefined : place];
}

async function pageOf(
  deps: GatewayDeps,
  user: string,
  kind: DocumentKind,
  page: { readonly cursor?: string; readonly limit: number },
): Promise<Page<Parameters<typeof documentOf>[0]>> {
  if (kind !== "Jet") return listDefinitions(deps, user, kind, page);
  const jets = await listJets(deps, user, page);
  return { ...jets, items: jets.items.map(jetDefinition) };
}

/** Never its state: that is what its actions are for. */
const jetDefinition = ({
  reference,
  name,
  template,
  users,
  managers,
  pool,
  variables,
}: JetView): JetDefinition => ({
  kind: "Jet",
  reference,
  name,
  template,
  users: [...users],
  managers: [...managers],
  ...(pool === undefined ? {} : { pool }),
  variables,
});
