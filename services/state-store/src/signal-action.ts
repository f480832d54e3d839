import { toInstant } from "@jetmesh/lifecycle";
import type { SvcRequest } from "@jetmesh/protocol";
import { RefusedError } from "@jetmesh/service-kit";
import type { Deps } from "./deps.ts";
import { noteAction } from "./note-action.ts";

/** Says something to an action that has not ended. Said again under the same id it is said once. */
export async function signalAction(
  deps: Deps,
  { id, signal }: SvcRequest<"state-store.action-signal">,
): Promise<object> {
  const at = toInstant(deps.clock.now());
  const noted = await noteAction(deps, id, { of: "signal", signal: { ...signal, at } });
  switch (noted) {
    case "noted":
      return {};
    case "unknown":
      throw new RefusedError("unknown_run", `there is no action ${id}`);
    case "over":
      throw new RefusedError("conflict", `action ${id} has ended`);
    case "full":
      throw new RefusedError("queue_full", `action ${id} has not taken what it was told before`);
    case "too_large":
      throw new RefusedError("too_large", `the record of action ${id} has no room for it`);
    case "later":
      throw new RefusedError("unavailable", `who holds action ${id} does not answer`);
  }
}
