import {
  decideAction,
  decideJet,
  endingOf,
  isUndoneOnError,
  type JetDecision,
  type JetEvent,
} from "@jetmesh/lifecycle";
import type { ActionRecord, JetRecord } from "@jetmesh/protocol";
import { errorCode } from "@jetmesh/service-kit";
import { advance } from "./advance.ts";
import { beginOpened } from "./begin-opened.ts";
import { beginReverting } from "./begin-reverting.ts";
import { cancelChildren, tellParent } from "./children.ts";
import type { ActionAt, Deps } from "./deps.ts";
import { tellCaller, writeClosed, writeRefused, writeRolledBack } from "./history.ts";
import { endIdentity } from "./identities.ts";
import type { JetAt } from "./jet-copies.ts";
import { lostAction } from "./make-action.ts";
import { retireOlder } from "./older-steps.ts";
import { dropSecretsLater } from "./secrets.ts";
import { freeSlotLater } from "./slots.ts";

/**
 * Ends an action (design §4, Ending): outcome, jet settled or its workflow told, history, CLOSED with its TTL, in this order and each
 * after the last is acknowledged. Every part can be done again by anybody: the jet settles only while it names
 * the action, the history has the action's id, and CLOSED is a compare-and-swap from the outcome.
 */
export async function settleAction(deps: Deps, { record, revision }: ActionAt): Promise<void> {
  const { outcome } = record;
  if (outcome === undefined) return;
  if (isRolledBack(record)) return settleRollback(deps, { record, revision });
  if (isUndoneOnError(record)) {
    await cancelChildren(deps, record);
    await beginReverting(deps, { record, revision });
    return;
  }
  const { jet, definition } = record;
  const { jetAction: action } = definition;
  if (jet !== undefined && action !== undefined)
    await settleJet(deps, jet, record, () => ({ ...endOf(record), type: "ended", action, outcome }));
  else tellOwner(deps, record, undefined);
  // It never begins again, and before it is closed: what a crash leaves here is done again.
  if (record.slots !== undefined) await deps.slots.free(record);
  // Somebody holds it who does not answer: repair comes again.
  const parent = record.parent ?? record.trigger?.parent;
  if (parent !== undefined && !(await tellParent(deps, record, parent))) return;
  await cancelChildren(deps, record);
  if (record.identity !== undefined) await endIdentity(deps, record, record.identity);
  await writeClosed(deps, record);
  const closed = decideAction(record, { type: "owner_told" }, deps.clock.now());
  if (closed.kind !== "write") return;
  const { JM_CLOSED_TTL_MS: closedTtl, JM_ROLLBACK_WINDOW_MS: window } = deps.config;
  const ttlMs = record.keepMs ?? (closed.expiry === "rollback_window" ? window : closedTtl);
  await retireOlder(deps, record, ttlMs);
  // A conflict: somebody else closed it meanwhile, and it is closed either way.
  await deps.store.actions.swap(record.id, closed.next, revision, { point: "action.close", ttlMs });
}

const isRolledBack = ({ state, rollbackError }: ActionRecord): boolean =>
  state === "REVERTED" || (state === "CLOSED" && rollbackError !== undefined);

const endOf = ({
  id,
  incarnation = 0,
  error,
}: ActionRecord): { id: string; incarnation: number; error: ActionRecord["error"] } => ({
  id,
  incarnation,
  error,
});

/**
 * Ends a rollback in the same order: it is in the action's record without a TTL, jet settled, history, then the TTL. Where
 * it followed an error by itself, the jet waited for it and is settled for the first time.
 */
async function settleRollback(deps: Deps, { record, revision }: ActionAt): Promise<void> {
  const { jet, definition, state, id } = record;
  const { jetAction: action } = definition;
  const succeeded = state === "REVERTED";
  if (jet !== undefined && action !== undefined) {
    const { error: _error, ...backToFrom } = action;
    await settleJet(deps, jet, record, ({ open }) =>
      open?.rollback === true
        ? { ...endOf(record), type: "rolled_back", action, succeeded }
        : { ...endOf(record), type: "ended", action: succeeded ? backToFrom : action, outcome: "ERROR" },
    );
    if (action.rollbackOnError) await writeClosed(deps, record);
  }
  if (record.slots !== undefined) await deps.slots.free(record);
  await writeRolledBack(deps, record);
  const { JM_CLOSED_TTL_MS: closedTtl, JM_ROLLBACK_WINDOW_MS: window } = deps.config;
  const ttlMs = succeeded ? closedTtl : (record.keepMs ?? window);
  await retireOlder(deps, record, ttlMs);
  await deps.store.actions.swap(id, record, revision, { point: "action.undone", ttlMs });
}

type Written = JetDecision & { kind: "write" };

/** More lost races than this for one jet are left to repair. */
const MAX_TRIES = 50;

/**
 * A jet that names an action which was over long ago: it was taken a second time, by a message that came after all that
 * remembers the first was gone. It never ran again, so the jet goes back to where it was.
 */
export async function settleTakenTwice(deps: Deps, { jet, revision }: JetAt): Promise<void> {
  const { open, reference, incarnation } = jet;
  if (open === undefined) return;
  const action = lostAction(jet, open);
  const end = { type: "ended", id: open.id, incarnation, action, outcome: "ERROR" } as const;
  const decision = decideJet(jet, end, deps.clock.now());
  if (decision.kind !== "write") return;
  await deps.store.jets.swap(reference, decision.next, revision, { point: "jet.settle" });
  deps.jets.drop(reference);
}

async function settleJet(
  deps: Deps,
  reference: string,
  record: ActionRecord,
  eventFor: (jet: JetRecord) => JetEvent,
): Promise<void> {
  const settled = await deps.lanes.run(reference, async (): Promise<JetRecord | undefined> => {
    for (let tries = 0, fresh = false; tries < MAX_TRIES; tries += 1, fresh = true) {
      const at = await deps.jets.load(reference, fresh);
      if (at === undefined) return undefined;
      const decision = decideJet(at.jet, eventFor(at.jet), deps.clock.now());
      if (decision.kind !== "write") {
        if (fresh) return at.jet;
        continue;
      }
      const advanced = await advance(deps, decision);
      await refuseWaiting(deps, reference, advanced);
      const ttlMs = advanced.expires === true ? deps.config.JM_CLOSED_TTL_MS : undefined;
      const written = await deps.store.jets.swap(reference, advanced.next, at.revision, {
        point: "jet.settle",
        ttlMs,
      });
      if (written.kind === "conflict") {
        deps.jets.drop(reference);
        continue;
      }
      deps.jets.keep(reference, { jet: advanced.next, revision: written.revision });
      // As soon as it is durable that it ended; the state is the one that it settled in, not the next transit.
      tellOwner(deps, record, decision.next);
      await beginOpened(deps, advanced, at.jet.incarnation);
      if (advanced.expires === true) {
        freeSlotLater(deps, advanced.next);
        dropSecretsLater(deps, at.jet);
      }
      for (const { jet } of advanced.next.heldBy ?? []) deps.moveOnLater(jet);
      return decision.next;
    }
    throw new Error(`lost the race for jet '${reference}' ${String(MAX_TRIES)} times`);
  });
  if (settled === undefined) tellOwner(deps, record, undefined);
}

/**
 * Answers the waiting triggers that an advance takes out of the queue without running them, and the target that it gives up. Before the jet is written:
 * behind that write nobody knows of them any more, and a crash would drop them in silence (design §7.8). Where the
 * write then loses its race they are judged again, and most often refused again, under the same message id.
 */
export async function refuseWaiting(deps: Deps, reference: string, decision: Written): Promise<void> {
  for (const effect of decision.effects) {
    if (effect.type === "target_over" && effect.end === "refused") {
      const { target, error } = effect;
      const refusal = { code: errorCode(error?.code ?? ""), message: error?.message ?? "" };
      await writeRefused(deps, { ...target, action: target.state }, reference, refusal);
    }
    if (effect.type !== "refuse") continue;
    const { trigger, code, message } = effect;
    await writeRefused(deps, trigger, reference, { code, message });
    tellCaller(deps, trigger.trigger.tell, {
      v: 1,
      id: trigger.id,
      state: "ERROR",
      outcome: "ERROR",
      jet: reference,
      error: { code, message },
    });
  }
}

function tellOwner(deps: Deps, record: ActionRecord, jet: JetRecord | undefined): void {
  tellCaller(deps, record.trigger?.tell, {
    v: 1,
    id: record.id,
    state: record.state,
    ...endingOf(record),
    ...(record.jet === undefined ? {} : { jet: record.jet }),
    ...(jet?.state === undefined ? {} : { jetState: jet.state }),
  });
}
