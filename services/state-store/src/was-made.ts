import type { TriggerSubject } from "@jetmesh/protocol";
import type { QueueMessage } from "@jetmesh/storage";
import type { Deps } from "./deps.ts";
import { wasRefused } from "./history.ts";
import { hopId } from "./hop-id.ts";

/** The first action on the way to a target. */
export const firstHop = (target: string): string => hopId({ id: target, hops: 0 });

/**
 * Whether an action of this id was ever made, as far as its record or the marker that it left still says so.
 * Asked only of triggers that can come twice: a jet itself remembers its last 32, this remembers a day.
 */
export async function wasMade({ store }: Pick<Deps, "store">, id: string): Promise<boolean> {
  const stored = await store.actions.get(id);
  return stored.kind === "gone" || (stored.kind === "record" && stored.value.state !== "SLEEPING");
}

/**
 * Whether a message that was delivered before has been answered: by an action, by the first hop of a target, or by a
 * refusal. What was refused once stays refused for that message, though it might be accepted now.
 */
export async function wasAnswered(
  deps: Pick<Deps, "store" | "connection" | "names" | "clock">,
  id: string,
  { kind, jet }: TriggerSubject,
  { deliveries, storedAt }: Pick<QueueMessage, "deliveries" | "storedAt">,
): Promise<boolean> {
  if (await wasMade(deps, kind === "target" ? firstHop(id) : id)) return true;
  return deliveries > 1 && wasRefused(deps, jet, id, storedAt);
}
