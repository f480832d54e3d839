import { toInstant } from "@jetmesh/lifecycle";
import type { ActionRecord, SvcRequest } from "@jetmesh/protocol";
import { RefusedError } from "@jetmesh/service-kit";
import { beginReverting, rollbackKey } from "./begin-reverting.ts";
import { changeJet } from "./change-jet.ts";
import type { Deps } from "./deps.ts";

type Asked = Omit<SvcRequest<"state-store.action-rollback">, "v">;

/** Lost races for one action, and looks at one that has ended and is being settled: whoever asks is told to ask again. */
const MOST_TRIES = 100;
const SETTLING_MS = 50;

/**
 * Begins to undo what an action did (design §2, §3): jet → action → resume, each after the last is acknowledged, as any
 * beginning. Asked again it is the same rollback while that goes on, and nothing once it is done. One that failed begins
 * anew.
 */
export async function rollBack(deps: Deps, asked: Asked): Promise<ActionRecord> {
  const { id } = asked;
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const stored = await deps.store.actions.get(id);
    if (stored.kind !== "record") throw new RefusedError("unknown_run", `there is no action ${id}`);
    const { value: record, revision } = stored;
    if (record.state === "REVERTING" || record.state === "REVERTED") return record;
    if (record.state === "SUCCESS" || record.state === "ERROR") {
      await new Promise((resolve) => setTimeout(resolve, SETTLING_MS));
      continue;
    }
    if (record.state !== "CLOSED") throw new RefusedError("conflict", `action ${id} is not closed yet`);
    if (!record.rollbackable)
      throw new RefusedError(
        "not_rollbackable",
        `there is nothing to undo it with: '${record.kind}' has no rollback`,
      );
    if (!record.transitions.some(({ to }) => to === "EXECUTING_MAIN"))
      throw new RefusedError("not_rollbackable", `there is nothing to undo: action ${id} never began`);
    if (record.jet !== undefined) await openJet(deps, record.jet, record, asked);
    const begun = await beginReverting(deps, { record, revision });
    if (begun !== undefined) return begun;
  }
  throw new RefusedError("conflict", "others changed it at the same time, again and again");
}

/** The rollback is the jet's open action before it is the action's state. */
async function openJet(
  deps: Deps,
  reference: string,
  record: ActionRecord,
  { user, force }: Asked,
): Promise<void> {
  const { id, definition, incarnation = 0, argument } = record;
  const { jetAction } = definition;
  if (jetAction === undefined) return;
  const at = toInstant(deps.clock.now());
  const trigger = {
    ...{ id, action: jetAction.reference, user, argument, at },
    trigger: { via: "api" as const, key: rollbackKey(record) },
    ...(force === undefined ? {} : { force }),
  };
  const changed = await changeJet(deps, reference, {
    point: "jet.rollback",
    judge: () => ({ type: "rollback", trigger, incarnation, transit: jetAction.transit }),
    movesOn: false,
  });
  if (changed.kind === "refused") throw new RefusedError(changed.refusal.code, changed.refusal.message);
  if (changed.kind === "unchanged" && changed.why !== "duplicate")
    throw new RefusedError("conflict", `jet '${reference}' is another one by now`);
}
