import { endingOf } from "@jetmesh/lifecycle";
import type { CreatedAction, SvcRequest, TriggerSource } from "@jetmesh/protocol";
import { actionIdOfKey } from "@jetmesh/service-kit";
import type { Deps } from "./deps.ts";
import { makeOfKind } from "./make-of-kind.ts";
import { wasMade } from "./was-made.ts";

/** Makes an action of a kind, of no jet. Asked again with the same key it finds what it made. */
export async function createAction(
  deps: Deps,
  { user, key, keyed, tell, request }: SvcRequest<"state-store.action-create">,
): Promise<CreatedAction> {
  deps.pressure.assertLow();
  const id = actionIdOfKey(user, key, "action", request.kind);
  if (keyed && (await wasMade(deps, id))) return { actionId: id, ...(await endOf(deps, id)) };
  const trigger: TriggerSource = { via: "api", key, ...(tell === undefined ? {} : { tell }) };
  await makeOfKind(deps, { id, user, trigger, ...request });
  return { actionId: id };
}

/** Nobody tells a caller who comes back of an end that was told before. */
async function endOf({ store }: Deps, id: string): Promise<Omit<CreatedAction, "actionId">> {
  const stored = await store.actions.get(id);
  return stored.kind === "record" && stored.value.outcome !== undefined ? endingOf(stored.value) : {};
}
