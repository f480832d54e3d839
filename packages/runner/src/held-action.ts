import { randomUUID } from "node:crypto";
import { type ActionDecision, type ActionEvent, decideAction } from "@jetmesh/lifecycle";
import { type ActionRecord, type Claim, MAX_ACTION_BYTES } from "@jetmesh/protocol";
import type { BrokerClock, MeshStore, WritePoint } from "@jetmesh/storage";
import { createInbox, type Inbox } from "./inbox.ts";
import type { AbortReason } from "./kinds.ts";

/**
 * An action that this runner holds. Every write is a compare-and-swap from its own last revision, the fencing
 * token, one after another; once one is refused the claim is somebody else's, and nothing of this holder is
 * written any more.
 */
export interface HeldAction {
  readonly record: ActionRecord;
  readonly revision: number;
  /** The record as JSON, as it was written last. */
  readonly text: string;
  /** The state-store that offered it, where one did: to be told of its end. */
  readonly offeredBy: string | undefined;
  readonly claim: Claim;
  /** The revision of the claim itself. */
  readonly fence: number;
  readonly isLost: boolean;
  /** What it is told, where its kind takes that itself. */
  readonly inbox: Inbox | undefined;
  /** Decides and writes; "lost" where the claim is gone. */
  apply(event: ActionEvent): Promise<ActionDecision | "lost">;
  /** Somebody wants it canceled: resolves with why, once, when that is asked. */
  readonly cancelAsked: Promise<Canceled>;
  /** The same, as it is now. */
  readonly canceled: Canceled | undefined;
  /** Somebody wants it paused as soon as what runs is over. */
  readonly isPauseAsked: boolean;
  /** Of the method that runs: is called when it is cut, once that is written. */
  onCut: (() => void) | undefined;
  /** Has it cut: false where the claim is gone, or where it has ended. */
  cut(why: "canceled" | "deadline_exceeded", message: string): Promise<boolean>;
  cancel(message: string): void;
  pause(): void;
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

/** Why an action is to be canceled, in words. */
export interface Canceled {
  readonly message: string;
}

/** An action as it was written, by whoever claimed it. */
export interface WrittenAction {
  readonly record: ActionRecord;
  readonly revision: number;
  /** The record as JSON. */
  readonly text: string;
  /** The state-store that offered it, where one did. */
  readonly offeredBy?: string | undefined;
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
  claimed: WrittenAction,
  claim: Claim,
  takesNotes = false,
): HeldAction {
  const inbox = takesNotes ? createInbox() : undefined;
  let { record, text, revision } = claimed;
  let fence = revision;
  let current = claim;
  let isLost = false;
  let controller = new AbortController();
  let queue: Promise<unknown> = Promise.resolve();
  let onCut: (() => void) | undefined;
  let canceled: Canceled | undefined;
  let isPauseAsked = record.pauseAsked === true && record.cut === undefined;
  let sayCanceled: (canceled: Canceled) => void = () => undefined;
  const cancelAsked = new Promise<Canceled>((resolve) => (sayCanceled = resolve));
  let markEnded: () => void = () => undefined;
  const ended = new Promise<void>((resolve) => (markEnded = resolve));

  const write = async (event: ActionEvent): Promise<ActionDecision | "lost"> => {
    if (isLost) return "lost";
    let decision = decideAction(record, event, deps.clock.now());
    if (decision.kind !== "write") return decision;
    let next = JSON.stringify(decision.next);
    if (next.length > MAX_ACTION_BYTES) {
      const message = `the action's record would take ${String(next.length)} bytes, more than ${String(MAX_ACTION_BYTES)}`;
      decision = decideAction(record, { type: "cancel", why: "too_large", message }, deps.clock.now());
      if (decision.kind !== "write") return decision;
      next = JSON.stringify(decision.next);
    }
    const written = await deps.store.actions.swap(record.id, decision.next, revision, {
      point: POINTS[decision.next.state],
      text: next,
      // Until it is acknowledged or refused: who else could say how it ended?
      deadlineMs: Number.POSITIVE_INFINITY,
    });
    if (written.kind === "conflict") {
      isLost = true;
      controller.abort({ code: "claim_lost", message: "the claim was taken over" } satisfies AbortReason);
      return "lost";
    }
    record = decision.next;
    text = next;
    revision = written.revision;
    if (record.claim !== undefined && record.claim.nonce !== current.nonce) fence = revision;
    if (record.claim !== undefined) current = record.claim;
    if (event.type === "cut" && record.cut !== undefined) {
      isPauseAsked = false;
      onCut?.();
    }
    return decision;
  };
  const apply = (event: ActionEvent): Promise<ActionDecision | "lost"> => {
    const mine = queue.then(() => write(event));
    queue = mine.catch(() => undefined);
    return mine;
  };

  return {
    get record() {
      return record;
    },
    get revision() {
      return revision;
    },
    get text() {
      return text;
    },
    offeredBy: claimed.offeredBy,
    inbox,
    get claim() {
      return current;
    },
    get fence() {
      return fence;
    },
    get isLost() {
      return isLost;
    },
    apply,
    cancelAsked,
    get canceled() {
      return canceled;
    },
    get isPauseAsked() {
      return isPauseAsked;
    },
    cancel(message) {
      if (canceled !== undefined) return;
      canceled = { message };
      sayCanceled(canceled);
      controller.abort({ code: "canceled", message } satisfies AbortReason);
    },
    pause: () => (isPauseAsked = record.cut === undefined),
    set onCut(listener: (() => void) | undefined) {
      onCut = listener;
    },
    async cut(why, message) {
      const done = await apply({ type: "cut", nonce: current.nonce, why, message });
      return done !== "lost" && done.kind !== "late" && record.outcome === undefined;
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
    markEnded: () => {
      inbox?.close();
      markEnded();
    },
  };
}
