import { TemplateError } from "@jetmesh/flight-plan";
import { newAction } from "@jetmesh/lifecycle";
import { type ActionCreateRequest, MAX_ACTION_BYTES, type TriggerSource } from "@jetmesh/protocol";
import { RefusedError } from "@jetmesh/service-kit";
import { beginAction } from "./begin-action.ts";
import type { Deps } from "./deps.ts";
import { identityOf, joinIdentity } from "./identities.ts";
import { slotsOf } from "./slots-of-action.ts";
import { wasMade } from "./was-made.ts";

interface OfKind
  extends Pick<ActionCreateRequest, "kind" | "argument">,
    Partial<Pick<ActionCreateRequest, "pool" | "notBefore" | "delays" | "repeat">> {
  readonly id: string;
  readonly user: string;
  readonly trigger?: TriggerSource;
  /** The workflow that it is a step of. */
  readonly parent?: string;
}

/** Made again under the same id it is the same action. Throws what it is refused with. */
export async function makeOfKind(deps: Deps, asked: OfKind): Promise<void> {
  const { id, user, trigger, parent, kind, argument, pool, notBefore, delays, repeat } = asked;
  const registered = await deps.kinds.registered(kind);
  if (registered === undefined)
    throw new RefusedError("unknown_kind", `no runner has registered the kind '${kind}'`);
  const slots = await slotsOf(deps, {
    id,
    user,
    pool: pool ?? registered.pool,
    argument,
  }).catch((thrown: unknown) => {
    throw thrown instanceof TemplateError ? new RefusedError("invalid_request", thrown.message) : thrown;
  });
  const made = newAction(
    {
      ...{ id, kind, pool, user, argument, registered, delays, repeat, notBefore, slots },
      definition: {},
      ...(trigger === undefined ? {} : { trigger }),
      ...(parent === undefined ? {} : { parent }),
    },
    deps.clock.now(),
  );
  const identity = identityOf(registered, argument);
  const isAlone = identity === undefined || (await wasMade(deps, id));
  const record = isAlone ? made : await joinIdentity(deps, identity, made);
  const text = JSON.stringify(record);
  if (text.length > MAX_ACTION_BYTES)
    throw new RefusedError("too_large", `the action's record would take ${String(text.length)} bytes`);
  const ended = await beginAction(deps, record, text);
  if (ended !== undefined) deps.settleLater(ended);
}
