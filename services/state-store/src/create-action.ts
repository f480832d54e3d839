import { newAction } from "@jetmesh/lifecycle";
import {
  type ActionCreateRequest,
  type CreatedAction,
  MAX_ACTION_BYTES,
  type SvcRequest,
  type TriggerSource,
} from "@jetmesh/protocol";
import { actionIdOfKey, RefusedError } from "@jetmesh/service-kit";
import { beginAction } from "./begin-action.ts";
import type { Deps } from "./deps.ts";
import { identityOf, joinIdentity } from "./identities.ts";
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
  if (stored.kind !== "record" || stored.value.outcome === undefined) return {};
  const { outcome, result, error } = stored.value;
  return { outcome, ...(result === undefined ? {} : { result }), ...(error === undefined ? {} : { error }) };
}

interface OfKind
  extends Pick<ActionCreateRequest, "kind" | "argument">,
    Partial<Pick<ActionCreateRequest, "pool" | "notBefore" | "delays" | "repeat">> {
  readonly id: string;
  readonly user: string;
  readonly trigger: TriggerSource;
}

/** Made again under the same id it is the same action. Throws what it is refused with. */
export async function makeOfKind(deps: Deps, asked: OfKind): Promise<void> {
  const { id, user, trigger, kind, argument, pool, notBefore, delays, repeat } = asked;
  const registered = await deps.kinds.registered(kind);
  if (registered === undefined)
    throw new RefusedError("unknown_kind", `no runner has registered the kind '${kind}'`);
  const made = newAction(
    {
      ...{ id, kind, pool, user, argument, registered, delays, repeat, notBefore },
      ...{ definition: {}, trigger },
    },
    deps.clock.now(),
  );
  const identity = identityOf(registered, argument);
  const record = identity === undefined ? made : await joinIdentity(deps, identity, made);
  const text = JSON.stringify(record);
  if (text.length > MAX_ACTION_BYTES)
    throw new RefusedError("too_large", `the action's record would take ${String(text.length)} bytes`);
  const ended = await beginAction(deps, record, text);
  if (ended !== undefined) deps.settleLater(ended);
}
