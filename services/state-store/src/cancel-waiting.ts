import { RefusedError } from "@jetmesh/service-kit";
import { changeJet } from "./change-jet.ts";
import type { Deps } from "./deps.ts";

/**
 * Takes a trigger out of the queue of a jet. First it is marked, and from that write on it never runs; then it is in the
 * history, then it is out. Whoever dies in between leaves a mark that is found at its turn.
 */
export async function cancelWaiting(deps: Deps, user: string, jet: string, id: string): Promise<void> {
  const point = "jet.cancel";
  const marked = await changeJet(deps, jet, {
    point,
    judge: () => ({ type: "cancel_waiting", id, by: user }),
    movesOn: false,
  });
  if (marked.kind === "refused") throw new RefusedError(marked.refusal.code, marked.refusal.message);
  if (marked.kind === "unchanged" && marked.why === "nothing_waits")
    throw new RefusedError("not_cancelable", `action ${id} does not wait any more`);
  await changeJet(deps, jet, { point, judge: () => ({ type: "drop_canceled" }), movesOn: true });
}
