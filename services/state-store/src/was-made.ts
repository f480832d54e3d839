import type { Deps } from "./deps.ts";

/**
 * Whether an action of this id was ever made, as far as its record or the marker that it left still says so.
 * Asked only of triggers that can come twice: a jet itself remembers its last 32, this remembers a day.
 */
export async function wasMade({ store }: Pick<Deps, "store">, id: string): Promise<boolean> {
  const stored = await store.actions.get(id);
  return stored.kind === "gone" || (stored.kind === "record" && stored.value.state !== "SLEEPING");
}
