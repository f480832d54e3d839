import { definitionKey, type TemplateDefinition } from "@jetmesh/protocol";
import { RefusedError } from "@jetmesh/service-kit";
import type { Deps } from "./deps.ts";

/** Longer than any delete takes: who marked it and left it so has died, or will find that it was too slow. */
const LEFT_MS = 4_000;
const MAX_TRIES = 5;

/**
 * The template that a jet is to be made of, as the leader has it; refused where it is not there, or about to go (ADR 0028).
 * Asked before the jet's own write and again after it: who deletes the template has then seen either the jet or nothing of
 * it yet, and in that case the mark is seen here.
 */
export async function usableTemplate(
  { store, clock }: Pick<Deps, "store" | "clock">,
  reference: string,
): Promise<TemplateDefinition> {
  const key = definitionKey("Template", reference);
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const stored = await store.definitions.get(key);
    if (stored.kind !== "record" || stored.value.definition.kind !== "Template")
      throw new RefusedError("unknown_template", `there is no template '${reference}'`);
    const { deleting, ...unmarked } = stored.value;
    if (deleting === undefined) return stored.value.definition;
    if (clock.now() - Date.parse(deleting.at) < LEFT_MS) break;
    await store.definitions.swap(key, unmarked, stored.revision, { point: "definition.mark" });
  }
  throw new RefusedError("conflict", `template '${reference}' is being deleted; ask again`);
}
