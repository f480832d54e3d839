import type { JetRecord } from "@jetmesh/protocol";
import { type Now, toInstant } from "./instants.ts";
import { isGone, knowsTrigger, type Of, refused, remember, unchanged, unknownJet } from "./jet-decisions.ts";
import type { JetDecision, JetEffect, TargetEnd } from "./jet-events.ts";
import { findPath } from "./template-actions.ts";

/** Also of a way that leads over an action which the asker may not see. */
export const noPathMessage = (from: string | undefined, to: string): string =>
  `no actions lead from ${from === undefined ? "no state" : `'${from}'`} to '${to}'`;

export function setTarget(jet: JetRecord, asked: Of<"target">, now: Now): JetDecision {
  if (knowsTrigger(jet, asked.id) || jet.target?.id === asked.id) return unchanged("duplicate");
  if (isGone(jet)) return unknownJet(jet);
  if (jet.open === undefined) {
    if (jet.state === asked.state) return arrivedAlready(jet, asked, now);
    if (findPath(asked.template, jet.state, asked.state) === undefined) {
      return refused("no_path", noPathMessage(jet.state, asked.state));
    }
  }
  const { id, state, user, trigger: source } = asked;
  const target = { id, state, user, trigger: source, at: toInstant(now), hops: 0 };
  const next = { ...jet, target, recent: remember(jet, id), changedAt: toInstant(now) };
  return { kind: "write", next, effects: replaced(jet) };
}

/** One target at a time: who waits for the older one is told that it is none any more. */
const replaced = ({ target }: JetRecord): JetEffect[] => {
  if (target === undefined) return [];
  const error = { code: "target_replaced", message: "another target was set for the jet" };
  return [{ type: "target_over", target, end: "replaced", error }];
};

/** Asked to where it is: nothing to do but to forget an older target, which would carry it away again. */
function arrivedAlready(jet: JetRecord, { id, state }: Of<"target">, now: Now): JetDecision {
  if (jet.target === undefined) return unchanged("there");
  const { target: _target, ...rest } = jet;
  const at = toInstant(now);
  return {
    kind: "write",
    next: {
      ...rest,
      lastTarget: { id, state, outcome: "SUCCESS", at },
      recent: remember(jet, id),
      changedAt: at,
    },
    effects: replaced(jet),
  };
}

/** The jet without its target, which is remembered as the last. */
export function withoutTarget<T extends Pick<JetRecord, "target" | "lastTarget">>(
  jet: T,
  end: TargetEnd,
  error: { readonly code: string; readonly message: string } | undefined,
  now: Now,
): { readonly jet: Omit<T, "target">; readonly effects: JetEffect[] } {
  const { target, ...rest } = jet;
  if (target === undefined) return { jet: rest, effects: [] };
  const lastTarget = {
    id: target.id,
    state: target.state,
    outcome: end === "arrived" ? ("SUCCESS" as const) : ("ERROR" as const),
    ...(error === undefined ? {} : { code: error.code }),
    at: toInstant(now),
  };
  const effect: JetEffect = { type: "target_over", target, end, ...(error === undefined ? {} : { error }) };
  return { jet: { ...rest, lastTarget }, effects: [effect] };
}

export function dropTarget(jet: JetRecord, { why: code, message }: Of<"drop_target">, now: Now): JetDecision {
  if (jet.target === undefined) return unchanged("nothing_waits");
  const end = code === "canceled" ? "canceled" : "refused";
  const dropped = withoutTarget(jet, end, { code, message }, now);
  return { kind: "write", next: { ...dropped.jet, changedAt: toInstant(now) }, effects: dropped.effects };
}
