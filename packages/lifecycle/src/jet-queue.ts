import type { AcceptedTrigger, JetRecord } from "@jetmesh/protocol";
import { type Now, toInstant } from "./instants.ts";
import { isGone, type Of, unchanged } from "./jet-decisions.ts";
import type { JetDecision, JetEffect } from "./jet-events.ts";

/** In the order of the stream, for two state-stores may hand in what they took side by side; else of asking. */
export function enqueue(queue: readonly AcceptedTrigger[], asked: AcceptedTrigger): AcceptedTrigger[] {
  const after = (waiting: AcceptedTrigger): boolean => {
    const [one, other] = [waiting.trigger.sequence, asked.trigger.sequence];
    return one !== undefined && other !== undefined ? one > other : waiting.at > asked.at;
  };
  let at = queue.length;
  for (let waiting = queue[at - 1]; waiting !== undefined && after(waiting); waiting = queue[at - 1]) at -= 1;
  return [...queue.slice(0, at), asked, ...queue.slice(at)];
}

export const CANCELED = "it was canceled before its turn came";
/** Marked first: from that write on it never runs, whatever becomes of who canceled it. */
export function cancelWaiting(jet: JetRecord, { id, by }: Of<"cancel_waiting">, now: Now): JetDecision {
  const waiting = jet.queue.find((one) => one.id === id);
  if (waiting === undefined || isGone(jet)) return unchanged("nothing_waits");
  if (waiting.canceled !== undefined) return unchanged("duplicate");
  const canceled = { by, at: toInstant(now) };
  const queue = jet.queue.map((one) => (one.id === id ? { ...one, canceled } : one));
  return { kind: "write", next: { ...jet, queue, changedAt: canceled.at }, effects: [] };
}

export function dropCanceled(jet: JetRecord, now: Now): JetDecision {
  const dropped = jet.queue.filter(({ canceled }) => canceled !== undefined);
  if (dropped.length === 0) return unchanged("nothing_waits");
  const queue = jet.queue.filter(({ canceled }) => canceled === undefined);
  const effects = dropped.map(
    (trigger): JetEffect => ({ type: "refuse", trigger, code: "canceled", message: CANCELED }),
  );
  return { kind: "write", next: { ...jet, queue, changedAt: toInstant(now) }, effects };
}
