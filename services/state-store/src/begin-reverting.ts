import { decideAction } from "@jetmesh/lifecycle";
import type { ActionRecord, JetRecord } from "@jetmesh/protocol";
import type { ActionAt, Deps } from "./deps.ts";
import { followUp } from "./follow-up.ts";
import { keepForRollback } from "./older-steps.ts";

/** Of the how manieth rollback of an action it is: a failed one may be asked for again. */
export const rollbackKey = ({ id, transitions }: ActionRecord): string =>
  `${id}.${String(transitions.filter(({ to }) => to === "REVERTING").length)}`;

/** Undefined where somebody else wrote it meanwhile. */
export async function beginReverting(
  deps: Deps,
  { record, revision }: ActionAt,
): Promise<ActionRecord | undefined> {
  const decision = decideAction(record, { type: "rollback" }, deps.clock.now());
  if (decision.kind !== "write") return undefined;
  const { next, effects } = decision;
  await keepForRollback(deps, record);
  const written = await deps.store.actions.swap(next.id, next, revision, { point: "action.rollback" });
  if (written.kind === "conflict") return undefined;
  deps.log.info({ action: next.id }, "rolling back");
  await followUp(deps, { record: next, revision: written.revision }, effects);
  return next;
}

/**
 * A jet that names a rollback which its action has not begun: whoever wrote the one did not come to the other. False where
 * it has begun, and perhaps ended.
 */
export async function remakeRollback(deps: Deps, { open }: JetRecord, at: ActionAt): Promise<boolean> {
  if (open?.rollback !== true || at.record.state !== "CLOSED" || open.trigger.key !== rollbackKey(at.record))
    return false;
  await beginReverting(deps, at);
  return true;
}
