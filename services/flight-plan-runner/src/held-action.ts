import { randomUUID } from "node:crypto";
import { type ActionDecision, type ActionEvent, decideAction } from "@jetmesh/lifecycle";
import { type ActionRecord, type Claim, MAX_ACTION_BYTES } from "@jetmesh/protocol";
import type { BrokerClock, MeshStore, WritePoint } from "@jetmesh/storage";
import type { AbortReason } from "./kinds.ts";

/**
 * An action that this runner holds. Every write is a compare-and-swap from its own last revision, the fencing
 * token, one after another; once one is refused the claim is somebody else's, and nothing of this holder is
 * written any more.
 */
export interface HeldAction {
  readonly record: ActionRecord;
  readonly revision: number;
  readonly claim: Claim;
  /** The revision of the claim itself. */
  readonly fence: number;
  readonly isLost: boolean;
  /** Decides and writes; "lost" where the claim is gone. */
  apply(event: ActionEvent): Promise<ActionDecision | "lost">;
  /** Fires the signal of whatever method runs. */
  abort(reason: AbortReason): void;
  /** The same, and nothing more is written: somebody else is to take over. */
  abandon(reason: AbortReason): void;
  /** A fresh signal for the next method. */
  signal(): AbortSignal;
  /** Resolves when no method of it runs here any more. */
  readonly ended: Promise<void>;
  markEnded(): void;
}

/** What a holder writes, named by the state that it leads to. */
const POINTS: Readonly<Record<ActionRecord["state"], WritePoint>> = {
  SLEEPING: "action.again",
  EXECUTING_MAIN: "action.step",
  IN_PROGRESS: "action.progress",
  PAUSED: "action.pause",
  SUCCESS: "action.outcome",
  ERROR: "action.outcome",
  CLOSED: "action.outcome",
  REVERTING: "action.step",
  REVERTED: "action.outcome",
};

export const newNonce = (): string => randomUUID().replaceAll("-", "").slice(0, 20);

export function createHeldAction(
  deps: { readonly clock: BrokerClock; readonly store: MeshStore },
  claimed: ActionRecord,
  claim: Claim,
  claimedAt: number,
): HeldAction {
  let record = claimed;
  let revision = claimedAt;
  let fence = claimedAt;
  let current = claim;
  let isLost = false;
  let controller = new AbortController();
  let queue: Promise<unknown> = Promise.resolve();
  let markEnded: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (markEnded = resolve));

  const write = async (event: ActionEvent): Promise<ActionDecision | "lost"> => {
    if (isLost) return "lost";
    let decision = decideAction(record, event, deps.clock.now());
    if (decision.kind !== "write") return decision;
    const size = JSON.stringify(decision.next).length;
    if (size > MAX_ACTION_BYTES) {
      const message = `the action's record would take ${String(size)} bytes, more than ${String(MAX_ACTION_BYTES)}`;
      decision = decideAction(record, { type: "cancel", why: "too_large", message }, deps.clock.now());
      if (decision.kind !== "write") return decision;
    }
    const written = await deps.store.actions.swap(record.id, decision.next, revision, {
      point: POINTS[decision.next.state],
      // Until it is acknowledged or refused: who else could say how it ended?
      deadlineMs: Number.POSITIVE_INFINITY,
    });
    if (written.kind === "conflict") {
      isLost = true;
      controller.abort({ code: "claim_lost", message: "the claim was taken over" } satisfies AbortReason);
      return "lost";
    }
    record = decision.next;
    revision = written.revision;
    if (record.claim !== undefined && record.claim.nonce !== current.nonce) fence = revision;
    if (record.claim !== undefined) current = record.claim;
    return decision;
  };

  return {
    get record() {
      return record;
    },
    get revision() {
      return revision;
    },
    get claim() {
      return current;
    },
    get fence() {
      return fence;
    },
    get isLost() {
      return isLost;
    },
    apply(event) {
      const mine = queue.then(() => write(event));
      queue = mine.catch(() => undefined);
      return mine;
    },
    abort: (reason) => controller.abort(reason),
    abandon: (reason) => {
      isLost = true;
      controller.abort(reason);
    },
    signal: () => {
      if (controller.signal.aborted && !isLost) controller = new AbortController();
      return controller.signal;
    },
    ended,
    markEnded,
  };
}
