import type {
  AcceptedTrigger,
  ErrorCode,
  JetActionDefinition,
  JetRecord,
  OpenAction,
  TemplateDefinition,
} from "@jetmesh/protocol";
import { MAX_QUEUE, MAX_RECENT } from "@jetmesh/protocol";
import { match } from "ts-pattern";
import { type Now, toInstant } from "./instants.ts";
import type { JetDecision, JetEvent, TriggerFacts } from "./jet-events.ts";
import { findAction, findPath } from "./template-actions.ts";

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
    .with({ type: "target" }, (asked) => setTarget(jet, asked, now))
    .with({ type: "hop" }, (asked) => hop(jet, asked, now))
    .with({ type: "next" }, (asked) => takeNext(jet, asked, now))
    .with({ type: "ended" }, (end) => settle(jet, end, now))
    .with({ type: "rollback" }, (asked) => beginRollback(jet, asked, now))
    .with({ type: "rolled_back" }, (end) => settleRollback(jet, end, now))
    .with({ type: "drop_target" }, () => dropTarget(jet, now))
    .with({ type: "delete" }, () => remove(jet, now))
    .exhaustive();
}

type Of<T extends JetEvent["type"]> = Extract<JetEvent, { type: T }>;

const refused = (code: ErrorCode, message: string): JetDecision => ({ kind: "refused", code, message });
const unchanged = (why: Extract<JetDecision, { kind: "unchanged" }>["why"]): JetDecision => ({
  kind: "unchanged",
  why,
});
const isGone = (jet: JetRecord): boolean => jet.destroyedAt !== undefined;
const unknownJet = (jet: JetRecord): JetDecision =>
  refused("unknown_jet", `there is no jet '${jet.reference}'`);

/** The incarnation of a jet read at a revision: its own, or that revision where this is its first write. */
export const incarnationOf = (jet: JetRecord, revision: number): number =>
  jet.incarnation === 0 ? revision : jet.incarnation;

const remember = (jet: JetRecord, id: string): string[] => [...jet.recent, id].slice(-MAX_RECENT);
/** One that waits may have left `recent`, which is shorter than the queue. */
export const knowsTrigger = (jet: JetRecord, id: string): boolean =>
  jet.open?.id === id || jet.recent.includes(id) || jet.queue.some((waiting) => waiting.id === id);

function trigger(
  jet: JetRecord,
  { trigger: asked, onBusy, template, facts }: Of<"trigger">,
  now: Now,
): JetDecision {
  if (knowsTrigger(jet, asked.id)) return unchanged("duplicate");
  if (isGone(jet)) return unknownJet(jet);
  const permitted = permit(template, asked.action, facts);
  if (permitted.kind === "refused") return permitted;
  if (jet.open !== undefined || jet.queue.length > 0) {
    if (onBusy === "refuse") return refused("jet_busy", busy(jet));
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
function permit(template: TemplateDefinition, reference: string, { access }: TriggerFacts): Permission {
  const denied = access.allow
    ? undefined
    : { kind: "refused" as const, code: access.code, message: access.message };
  if (denied?.code === "unknown_jet") return denied;
  const action = findAction(template, reference);
  if (action === undefined)
    return {
      kind: "refused",
      code: "unknown_action",
      message: `template '${template.reference}' has no action '${reference}'`,
    };
  return denied ?? { kind: "permitted", action };
}

/** In the order of the stream, for two state-stores may hand in what they took side by side; else of asking. */
function enqueue(queue: readonly AcceptedTrigger[], asked: AcceptedTrigger): AcceptedTrigger[] {
  const after = (waiting: AcceptedTrigger): boolean => {
    const [one, other] = [waiting.trigger.sequence, asked.trigger.sequence];
    return one !== undefined && other !== undefined ? one > other : waiting.at > asked.at;
  };
  let at = queue.length;
  for (let waiting = queue[at - 1]; waiting !== undefined && after(waiting); waiting = queue[at - 1]) at -= 1;
  return [...queue.slice(0, at), asked, ...queue.slice(at)];
}

const busy = (jet: JetRecord): string =>
  jet.open === undefined
    ? `triggers wait for jet '${jet.reference}'`
    : `action '${jet.open.action}' of jet '${jet.reference}' is open`;

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
  if (facts.unmet !== undefined) return refused("requirement_unmet", facts.unmet);
  if (facts.limitReached === true)
    return refused("limit_reached", "the template's limit of living jets is reached");
  if (facts.expired) return refused("trigger_expired", "the trigger is older than 12 hours");
  const open: OpenAction = { ...asked, ...(jet.state === undefined ? {} : { from: jet.state }) };
  return {
    kind: "write",
    next: {
      ...jet,
      state: action.transit,
      open,
      recent: knowsTrigger(jet, asked.id) ? jet.recent : remember(jet, asked.id),
      changedAt: toInstant(now),
    },
    effects: [{ type: "create_action", open, action }],
  };
}

function setTarget(jet: JetRecord, asked: Of<"target">, now: Now): JetDecision {
  if (knowsTrigger(jet, asked.id) || jet.target?.id === asked.id) return unchanged("duplicate");
  if (isGone(jet)) return unknownJet(jet);
  if (jet.open === undefined) {
    if (jet.state === asked.state) return arrivedAlready(jet, asked.id, now);
    if (findPath(asked.template, jet.state, asked.state) === undefined) {
      return refused(
        "no_path",
        `no actions lead from ${jet.state === undefined ? "no state" : `'${jet.state}'`} to '${asked.state}'`,
      );
    }
  }
  const { id, state, user, trigger: source } = asked;
  const target = { id, state, user, trigger: source, at: toInstant(now), hops: 0 };
  return {
    kind: "write",
    next: { ...jet, target, recent: remember(jet, id), changedAt: toInstant(now) },
    effects: [],
  };
}

/** Asked to where it is: nothing to do but to forget an older target, which would carry it away again. */
function arrivedAlready(jet: JetRecord, id: string, now: Now): JetDecision {
  if (jet.target === undefined) return unchanged("there");
  const { target: _target, ...rest } = jet;
  return {
    kind: "write",
    next: { ...rest, recent: remember(jet, id), changedAt: toInstant(now) },
    effects: [],
  };
}

/** More hops than any template has states: a path that leads nowhere is given up rather than followed for ever. */
const MAX_HOPS = 500;

function hop(jet: JetRecord, { id, template, facts }: Of<"hop">, now: Now): JetDecision {
  const { target } = jet;
  if (target === undefined || isGone(jet)) return unchanged("nothing_waits");
  if (jet.open !== undefined) return unchanged("busy");
  if (jet.state === target.state) return dropTarget(jet, now);
  if (knowsTrigger(jet, id)) return refused("conflict", "this hop was taken before");
  const action = target.hops < MAX_HOPS ? findPath(template, jet.state, target.state)?.[0] : undefined;
  if (action === undefined)
    return refused("no_path", `no actions lead from '${jet.state ?? ""}' to '${target.state}'`);
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
  const permitted = permit(template, head.action, facts);
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
    const { target: _target, ...stopped } = settled;
    return { kind: "write", next: withState(stopped, end.action.error ?? open.from), effects: [] };
  }
  if (end.action.to === undefined) return destroyed(settled, now);
  const arrived = withState(settled, end.action.to);
  if (arrived.target?.state !== end.action.to) return { kind: "write", next: arrived, effects: [] };
  const { target: _target, ...there } = arrived;
  return { kind: "write", next: there, effects: [] };
}

const withState = (jet: Omit<JetRecord, "state">, state: string | undefined): JetRecord =>
  state === undefined ? jet : { ...jet, state };

/** Its record says so for a day; whatever still waited for it is refused, for it is not there any more. */
function destroyed(jet: Omit<JetRecord, "state" | "open">, now: Now): JetDecision {
  const { target: _target, ...rest } = jet;
  return {
    kind: "write",
    next: { ...rest, queue: [], changedAt: toInstant(now), destroyedAt: toInstant(now) },
    effects: jet.queue.map((waiting) => ({
      type: "refuse",
      trigger: waiting,
      code: "unknown_jet",
      message: `jet '${jet.reference}' was destroyed`,
    })),
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
  const { open, state: _state, last, target, ...rest } = jet;
  const state = end.succeeded ? end.action.from : (end.action.error ?? open.from);
  // Rolled back it is not the last action any more; a failure clears the target, as any failure does.
  const kept = end.succeeded ? (target === undefined ? {} : { target }) : last === undefined ? {} : { last };
  return {
    kind: "write",
    next: { ...withState({ ...rest, ...kept }, state), changedAt: toInstant(now) },
    effects: [],
  };
}

function dropTarget(jet: JetRecord, now: Now): JetDecision {
  if (jet.target === undefined) return unchanged("nothing_waits");
  const { target: _target, ...rest } = jet;
  return { kind: "write", next: { ...rest, changedAt: toInstant(now) }, effects: [] };
}

function remove(jet: JetRecord, now: Now): JetDecision {
  if (isGone(jet)) return unknownJet(jet);
  if (jet.open !== undefined || jet.queue.length > 0) return refused("jet_busy", busy(jet));
  const { state: _state, ...rest } = jet;
  return destroyed(rest, now);
}

export interface NewJet {
  readonly reference: string;
  readonly name: string;
  readonly template: TemplateDefinition;
  readonly users: readonly string[];
  readonly managers: readonly string[];
  readonly pool?: string | undefined;
  readonly variables: JetRecord["variables"];
}

/** A jet that has no state yet. */
export function newJet(given: NewJet, now: Now): JetRecord {
  return {
    v: 1,
    reference: given.reference,
    name: given.name,
    template: given.template.reference,
    queue: [],
    recent: [],
    incarnation: 0,
    users: [...new Set(given.users)],
    managers: [...new Set(given.managers)],
    ...(given.pool === undefined ? {} : { pool: given.pool }),
    variables: given.variables,
    createdAt: toInstant(now),
    changedAt: toInstant(now),
  };
}
