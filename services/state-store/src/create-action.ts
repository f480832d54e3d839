import { newAction } from "@jetmesh/lifecycle";
import { type CreatedAction, MAX_ACTION_BYTES, type SvcRequest } from "@jetmesh/protocol";
import { actionIdOfKey, RefusedError } from "@jetmesh/service-kit";
import { beginAction } from "./begin-action.ts";
import type { Deps } from "./deps.ts";
import { wasMade } from "./was-made.ts";

/** Makes an action of a kind, of no jet. Asked again with the same key it finds what it made. */
export async function createAction(
  deps: Deps,
  { user, key, keyed, tell, request }: SvcRequest<"state-store.action-create">,
): Promise<CreatedAction> {
  deps.pressure.assertLow();
  const { kind, argument, pool, notBefore, delays, repeat } = request;
  const id = actionIdOfKey(user, key, "action", kind);
  if (keyed && (await wasMade(deps, id))) return { actionId: id };
  const registered = await deps.kinds.registered(kind);
  if (registered === undefined)
    throw new RefusedError("unknown_kind", `no runner has registered the kind '${kind}'`);
  const record = newAction(
    {
      ...{ id, kind, pool, user, argument, registered, delays, repeat, notBefore },
      definition: {},
      trigger: { via: "api", key, ...(tell === undefined ? {} : { tell }) },
    },
    deps.clock.now(),
  );
  const text = JSON.stringify(record);
  if (text.length > MAX_ACTION_BYTES)
    throw new RefusedError("too_large", `the action's record would take ${String(text.length)} bytes`);
  const ended = await beginAction(deps, record, text);
  if (ended !== undefined) deps.settleLater(ended);
  return { actionId: id };
}
