import type {
  AcceptedTrigger,
  Hold,
  JetActionDefinition,
  JetRecord,
  OpenAction,
  TemplateDefinition,
} from "@jetmesh/protocol";
import { MAX_QUEUE } from "@jetmesh/protocol";
import { match } from "ts-pattern";
import { type Now, toInstant } from "./instants.ts";
import { isGone, knowsTrigger, type Of, refused, remember, unchanged, unknownJet } from "./jet-decisions.ts";
import type { JetDecision, JetEffect, JetEvent, TriggerFacts } from "./jet-events.ts";
import { CANCELED, cancelWaiting, dropCanceled, enqueue } from "./jet-queue.ts";
import { dropTarget, noPathMessage, setTarget, withoutTarget } from "./jet-target.ts";
import { holdsAtRest, leavesHold, withHolds } from "./requirements.ts";
import { findAction, findPath } from "./template-actions.ts";
import { updateJet } from "./update-jet.ts";

/**
 * The life of a jet (design §3), pure and total. A jet is new, at rest in a state, acting (`open`), or
 * destroyed; which of these follows from its record.
 *
 * Invariants, cited by the tests:
 *   J1  at most one open action; it is named in the record before its own record exists.
 *   J2  a trigger's id that the jet has accepted before changes nothing.
 *   J3  only the end of the open action, of the same incarnation, settles; and it settles once.
 *   J4  a refusal changes nothing.
 *   J5  acting, the jet is in the action's transit state; at rest it is in a state that the template named.
 */
export function decideJet(jet: JetRecord, event: JetEvent, now: Now): JetDecision {
  return match(event)
    .with({ type: "trigger" }, (asked) => trigger(jet, asked, now))
    .with({ type: "ended" }, (end) => settle(jet, end, now))
    .with({ type: "target" }, (asked) => setTarget(jet, asked, now))
    .with({ type: "hop" }, (asked) => hop(jet, asked, now))
    .with({ type: "next" }, (asked) => takeNext(jet, asked, now))
    .with({ type: "rollback" }, (asked) => beginRollback(jet, asked, now))
    .with({ type: "rolled_back" }, (end) => settleRollback(jet, end, now))
    .with({ type: "drop_target" }, (asked) => dropTarget(jet, asked, now))
    .with({ type: "cancel_waiting" }, (asked) => cancelWaiting(jet, asked, now))
    .with({ type: "drop_canceled" }, () => dropCanceled(jet, now))
    .with({ type: "update" }, ({ change }) => updateJet(jet, change, now))
    .with({ type: "delete" }, ({ force }) => remove(jet, force === true, now))
    .exhaustive();
}

function trigger(
  jet: JetRecord,
  { trigger: asked, onBusy, template, facts }: Of<"trigger">,
  now: Now,
): JetDecision {
  if (knowsTrigger(jet, asked.id)) return unchanged("duplicate");
  if (isGone(jet)) return unknownJet(jet);
  const permitted = permit(jet, template, asked.action, facts);
  if (permitted.kind === "refused") return permitted;
  const isBusy = jet.open !== undefined || jet.queue.length > 0;
  if (isBusy || (facts.waits === true && facts.limitReached !== true)) {
    if (isBusy && onBusy === "refuse") return refused("jet_busy", busy(jet));
    if (jet.queue.length >= MAX_QUEUE)
      return refused("queue_full", `${String(MAX_QUEUE)} triggers wait for jet '${jet.reference}' already`);
    if (facts.expired) return refused("trigger_expired", "the trigger is older than 12 hours");
    const next = {
      ...jet,
      queue: enqueue(jet.queue, asked),
      recent: remember(jet, asked.id),
      changedAt: toInstant(now),
    };
    return { kind: "write", next, effects: [] };
  }
  return begin(jet, asked, permitted.action, facts, now);
}

type Permission =
  | Extract<JetDecision, { kind: "refused" }>
  | { readonly kind: "permitted"; readonly action: JetActionDefinition };

/** A jet that the user may not see comes before an action that is not there, and that before a missing right. */
function permit(
  jet: JetRecord,
  template: TemplateDefinition,
  reference: string,
  { access }: TriggerFacts,
): Permission {
  const denied = access.allow
    ? undefined
    : { kind: "refused" as const, code: access.code, message: access.message };
  if (denied?.code === "unknown_jet") return denied;
  const action = findAction(template, reference);
  if (action === undefined)
    return {
      kind: "refused",
      code: "unknown_action",
      // In the words of authz: one that is hidden and one that is not there are not told apart.
      message: `jet '${jet.reference}' has no action '${reference}'`,
    };
  return denied ?? { kind: "permitted", action };
}

/** Without a name: the action may be one that the asker may not see. */
const busy = (jet: JetRecord): string =>
  jet.open === undefined
    ? `triggers wait for jet '${jet.reference}'`
    : `an action of jet '${jet.reference}' is open`;

/** The refusals of design §3 from the jet's state on, in their order; then the acceptance. */
function begin(
  jet: JetRecord,
  asked: AcceptedTrigger,
  action: JetActionDefinition,
  facts: TriggerFacts,
  now: Now,
): JetDecision {
  if (action.from !== jet.state) {
    const at = jet.state === undefined ? "has no state yet" : `is '${jet.state}'`;
    return refused(
      "action_not_available",
      `jet '${jet.reference}' ${at}; '${action.reference}' begins in ${action.from === undefined ? "no state" : `'${action.from}'`}`,
    );
  }
  if (leavesHold(jet, action.to) && asked.force !== true) return inUse(jet);
  if (facts.unmet !== undefined) return refused("requirement_unmet", facts.unmet);
  if (facts.limitReached === true)
    return refused("limit_reached", "the template's limit of living jets is reached");
  if (facts.expired) return refused("trigger_expired", "the trigger is older than 12 hours");
  const open: OpenAction = { ...asked, ...(jet.state === undefined ? {} : { from: jet.state }) };
  const next = {
    ...jet,
    state: action.transit,
    open,
    recent: knowsTrigger(jet, asked.id) ? jet.recent : remember(jet, asked.id),
    changedAt: toInstant(now),
  };
  const effects: JetEffect[] = [{ type: "create_action", open, action }];
  if (facts.holds === undefined) return { kind: "write", next, effects };
  const { holds } = facts;
  const replaced = (jet.holds ?? []).filter((hold) => !holds.some((one) => one.jet === hold.jet));
  return { kind: "write", next: withHolds(next, holds), effects: [...effects, ...releasing(replaced)] };
}

const releasing = (holds: readonly Hold[]): JetEffect[] => holds.map((hold) => ({ type: "release", hold }));

/** Who it is that requires it is not named: the asker may not see them. */
const inUse = (jet: JetRecord): JetDecision & { kind: "refused" } => {
  const states = [...new Set((jet.heldBy ?? []).map(({ state }) => `'${state}'`))].join(", ");
  return refused("in_use", `other jets require jet '${jet.reference}' in ${states}`);
};

/** More hops than any template has states: a path that leads nowhere is given up rather than followed for ever. */
const MAX_HOPS = 500;

function hop(jet: JetRecord, { id, template, facts }: Of<"hop">, now: Now): JetDecision {
  const { target } = jet;
  if (target === undefined || isGone(jet)) return unchanged("nothing_waits");
  if (jet.open !== undefined) return unchanged("busy");
  if (jet.state === target.state) {
    const there = withoutTarget(jet, "arrived", undefined, now);
    return { kind: "write", next: { ...there.jet, changedAt: toInstant(now) }, effects: there.effects };
  }
  if (knowsTrigger(jet, id)) return refused("conflict", "this hop was taken before");
  const action = target.hops < MAX_HOPS ? findPath(template, jet.state, target.state)?.[0] : undefined;
  if (action === undefined) return refused("no_path", noPathMessage(jet.state, target.state));
  if (!facts.access.allow) return refused(facts.access.code, facts.access.message);
  const asked: AcceptedTrigger = {
    id,
    action: action.reference,
    user: target.user,
    argument: {},
    trigger: { via: "target", key: target.id },
    at: toInstant(now),
  };
  return begin({ ...jet, target: { ...target, hops: target.hops + 1 } }, asked, action, facts, now);
}

/** The head of the queue, checked again: it begins, or it is refused and out of the way, in one write. */
function takeNext(jet: JetRecord, { template, facts }: Of<"next">, now: Now): JetDecision {
  const [head, ...queue] = jet.queue;
  if (head === undefined || isGone(jet)) return unchanged("nothing_waits");
  if (jet.open !== undefined) return unchanged("busy");
  const without = { ...jet, queue, changedAt: toInstant(now) };
  const permitted =
    head.canceled === undefined ? permit(jet, template, head.action, facts) : refused("canceled", CANCELED);
  const decision =
    permitted.kind === "refused" ? permitted : begin(without, head, permitted.action, facts, now);
  if (decision.kind !== "refused") return decision;
  const { code, message } = decision;
  return { kind: "write", next: without, effects: [{ type: "refuse", trigger: head, code, message }] };
}

function settle(jet: JetRecord, end: Of<"ended">, now: Now): JetDecision {
  if (jet.open?.id !== end.id || jet.open.rollback === true) return unchanged("not_its_action");
  if (jet.incarnation !== 0 && jet.incarnation !== end.incarnation) return unchanged("other_incarnation");
  const { open, state: _state, ...rest } = jet;
  const at = toInstant(now);
  const settled = {
    ...rest,
    incarnation: end.incarnation,
    changedAt: at,
    last: { id: end.id, action: end.action.reference, outcome: end.outcome, at },
  };
  if (end.outcome === "ERROR") {
    const why = end.error ?? { code: "hop_failed", message: "an action on the way failed" };
    const stopped = withoutTarget(settled, "failed", why, now);
    return atRest(withState(stopped.jet, end.action.error ?? open.from), stopped.effects);
  }
  if (end.action.to === undefined) return destroyed(settled, now);
  if (settled.target?.state !== end.action.to) return atRest(withState(settled, end.action.to));
  const there = withoutTarget(settled, "arrived", undefined, now);
  return atRest(withState(there.jet, end.action.to), there.effects);
}

/** What it does not require in this state is let go in the same write. */
function atRest(next: JetRecord, effects: readonly JetEffect[] = []): JetDecision {
  if (next.holds === undefined) return { kind: "write", next, effects };
  const { kept, released } = holdsAtRest(next.holds, next.state);
  return { kind: "write", next: withHolds(next, kept), effects: [...effects, ...releasing(released)] };
}

const withState = (jet: Omit<JetRecord, "state">, state: string | undefined): JetRecord =>
  state === undefined ? jet : { ...jet, state };

/** Its record says so for a day; whatever still waited for it is refused, for it is not there any more. */
function destroyed(jet: Omit<JetRecord, "state" | "open">, now: Now): JetDecision {
  const gone = { code: "unknown_jet", message: `jet '${jet.reference}' was destroyed` } as const;
  const given = withoutTarget(jet, "destroyed", gone, now);
  const { holds = [], heldBy: _heldBy, ...rest } = given.jet;
  const refusals = jet.queue.map((waiting): JetEffect => {
    const why = waiting.canceled === undefined ? gone : ({ code: "canceled", message: CANCELED } as const);
    return { type: "refuse", trigger: waiting, ...why };
  });
  return {
    kind: "write",
    next: { ...rest, queue: [], changedAt: toInstant(now), destroyedAt: toInstant(now) },
    effects: [...given.effects, ...refusals, ...releasing(holds)],
    expires: true,
  };
}

function beginRollback(
  jet: JetRecord,
  { trigger: asked, incarnation, transit }: Of<"rollback">,
  now: Now,
): JetDecision {
  if (isGone(jet)) return unknownJet(jet);
  if (jet.open?.id === asked.id && jet.open.rollback === true) return unchanged("duplicate");
  if (jet.incarnation !== incarnation) return unchanged("other_incarnation");
  if (jet.open !== undefined || jet.queue.length > 0) return refused("jet_busy", busy(jet));
  if (jet.last?.id !== asked.id)
    return refused("conflict", "only the last closed action of a jet is rolled back");
  if (jet.heldBy !== undefined && asked.force !== true) return inUse(jet);
  const open: OpenAction = {
    ...asked,
    rollback: true,
    ...(jet.state === undefined ? {} : { from: jet.state }),
  };
  return { kind: "write", next: { ...jet, state: transit, open, changedAt: toInstant(now) }, effects: [] };
}

function settleRollback(jet: JetRecord, end: Of<"rolled_back">, now: Now): JetDecision {
  if (jet.open?.id !== end.id || jet.open.rollback !== true) return unchanged("not_its_action");
  if (jet.incarnation !== end.incarnation) return unchanged("other_incarnation");
  const { open, state: _state, last, ...rest } = jet;
  const at = { changedAt: toInstant(now) };
  // Rolled back it is not the last action any more; a failure clears the target, as any failure does.
  if (end.succeeded) return atRest({ ...withState(rest, end.action.from), ...at });
  const why = { code: "hop_failed", message: "a rollback on the way failed" };
  const stopped = withoutTarget(rest, "failed", why, now);
  const kept = last === undefined ? {} : { last };
  const state = end.action.error ?? open.from;
  return atRest({ ...withState({ ...stopped.jet, ...kept }, state), ...at }, stopped.effects);
}

function remove(jet: JetRecord, force: boolean, now: Now): JetDecision {
  if (isGone(jet)) return unknownJet(jet);
  if (jet.open !== undefined || jet.queue.length > 0) return refused("jet_busy", busy(jet));
  if (jet.heldBy !== undefined && !force) return inUse(jet);
  const { state: _state, ...rest } = jet;
  return destroyed(rest, now);
}
