import type { AcceptedTrigger, JetActionDefinition, JetRecord } from "@jetmesh/protocol";
import { TemplateDefinition } from "@jetmesh/protocol";
import { type JetDecision, type JetEvent, newJet, type TriggerFacts, toInstant } from "../src/index.ts";

/** The records of a jet and the events that its tests set against each other. */
export const NOW = Date.UTC(2026, 0, 1, 12);
const AT = toInstant(NOW - 60_000);
export const INCARNATION = 7;

export const id = (letter: string): string => letter.repeat(16);
export const LAST = id("1");
export const OPEN = id("2");
export const QUEUED = id("3");
export const TARGET = id("4");
export const NEW = id("5");

const action = (reference: string, more: object): object => ({ reference, name: reference, ...more });

export const TEMPLATE = TemplateDefinition.parse({
  kind: "Template",
  reference: "web",
  name: "Web",
  actions: [
    action("create", { transit: "creating", to: "stopped" }),
    action("start", { from: "stopped", transit: "starting", to: "running", error: "broken" }),
    action("stop", { from: "running", transit: "stopping", to: "stopped" }),
    action("repair", { from: "broken", transit: "repairing", to: "stopped" }),
    action("destroy", { from: "stopped", transit: "destroying" }),
  ],
});

export function actionOf(reference: string): JetActionDefinition {
  const found = TEMPLATE.actions.find((each) => each.reference === reference);
  if (found === undefined) throw new Error(`no action '${reference}' in the template of the tests`);
  return found;
}

export const asked = (action: string, id: string = NEW): AcceptedTrigger => ({
  id,
  action,
  user: "alice",
  argument: {},
  trigger: { via: "api", key: id },
  at: AT,
});

export const ALLOWED: TriggerFacts = { access: { allow: true }, expired: false };
export const DENIED: TriggerFacts = {
  access: { allow: false, code: "forbidden", message: "no" },
  expired: false,
};

const made = newJet(
  { reference: "web1", name: "Web one", template: TEMPLATE, users: [], managers: [], variables: {} },
  NOW - 60_000,
);
export const jet = (more: Partial<JetRecord> = {}): JetRecord => ({
  ...made,
  incarnation: INCARNATION,
  recent: [LAST],
  last: { id: LAST, action: "create", outcome: "SUCCESS", at: AT },
  ...more,
});

const open = { ...asked("start", OPEN), from: "stopped" };
const target = {
  id: TARGET,
  state: "running",
  user: "alice",
  trigger: { via: "api", key: "k" },
  at: AT,
  hops: 0,
} as const;

export const PHASES = {
  new: made,
  "at rest": jet({ state: "stopped" }),
  open: jet({ state: "starting", open, recent: [LAST, OPEN] }),
  "open, its first write": { ...made, state: "creating", open: asked("create", OPEN), recent: [OPEN] },
  "open with a queue": jet({
    state: "starting",
    open,
    queue: [asked("stop", QUEUED)],
    recent: [LAST, OPEN, QUEUED],
  }),
  "open with a target": jet({ state: "starting", open, target, recent: [LAST, TARGET, OPEN] }),
  "idle with a queue": jet({ state: "running", queue: [asked("stop", QUEUED)], recent: [LAST, QUEUED] }),
  "idle with a queue that does not fit": jet({
    state: "stopped",
    queue: [asked("stop", QUEUED)],
    recent: [QUEUED],
  }),
  "idle with a canceled trigger": jet({
    state: "running",
    queue: [{ ...asked("stop", QUEUED), canceled: { by: "bob", at: AT } }],
    recent: [LAST, QUEUED],
  }),
  "idle with a target": jet({ state: "stopped", target, recent: [LAST, TARGET] }),
  "idle where its target is": jet({ state: "running", target, recent: [LAST, TARGET] }),
  "rolling back": jet({
    state: "creating",
    open: { ...asked("create", LAST), from: "stopped", rollback: true },
  }),
  destroyed: jet({ destroyedAt: AT }),
} as const satisfies Record<string, JetRecord>;
export type Phase = keyof typeof PHASES;

const trigger = (trigger: AcceptedTrigger, more: Partial<JetEvent & { type: "trigger" }> = {}): JetEvent => ({
  type: "trigger",
  trigger,
  onBusy: "refuse",
  template: TEMPLATE,
  facts: ALLOWED,
  ...more,
});
const bring = (state: string, id = NEW): JetEvent => ({
  type: "target",
  id,
  state,
  user: "alice",
  trigger: { via: "api", key: "k" },
  template: TEMPLATE,
});
const ended = (more: Partial<JetEvent & { type: "ended" }> = {}): JetEvent => ({
  type: "ended",
  id: OPEN,
  incarnation: INCARNATION,
  action: actionOf("start"),
  outcome: "SUCCESS",
  ...more,
});
const rollback = (id: string, incarnation = INCARNATION): JetEvent => ({
  type: "rollback",
  trigger: asked("create", id),
  incarnation,
  transit: "creating",
});
const rolledBack = (more: Partial<JetEvent & { type: "rolled_back" }> = {}): JetEvent => ({
  type: "rolled_back",
  id: LAST,
  incarnation: INCARNATION,
  action: actionOf("create"),
  succeeded: true,
  ...more,
});

export const EVENTS = {
  "trigger start": trigger(asked("start")),
  "trigger start, may wait": trigger(asked("start"), { onBusy: "queue" }),
  "trigger create": trigger(asked("create")),
  "trigger of an unknown action": trigger(asked("fly")),
  "trigger without the right": trigger(asked("start"), { facts: DENIED }),
  "the last trigger again": trigger(asked("create", LAST)),
  "the open trigger again": trigger(asked("start", OPEN)),
  "the waiting trigger again": trigger(asked("stop", QUEUED), { onBusy: "queue" }),
  "bring to running": bring("running"),
  "bring to stopped": bring("stopped"),
  "bring to nowhere": bring("nowhere"),
  "the same target again": bring("running", TARGET),
  hop: { type: "hop", id: NEW, template: TEMPLATE, facts: ALLOWED },
  "hop without the right": { type: "hop", id: NEW, template: TEMPLATE, facts: DENIED },
  "hop under an id accepted before": { type: "hop", id: LAST, template: TEMPLATE, facts: ALLOWED },
  next: { type: "next", template: TEMPLATE, facts: ALLOWED },
  "next without the right": { type: "next", template: TEMPLATE, facts: DENIED },
  "ended in SUCCESS": ended(),
  "ended in ERROR": ended({ outcome: "ERROR" }),
  "another action ended": ended({ id: id("9") }),
  "ended in another incarnation": ended({ incarnation: 8 }),
  "roll back the last": rollback(LAST),
  "roll back an earlier one": rollback(id("9")),
  "roll back in another incarnation": rollback(LAST, 8),
  "rolled back": rolledBack(),
  "rollback failed": rolledBack({ succeeded: false }),
  "rolled back in another incarnation": rolledBack({ incarnation: 8 }),
  "drop the target": { type: "drop_target", why: "no_path", message: "no way" },
  "cancel the waiting trigger": { type: "cancel_waiting", id: QUEUED, by: "bob" },
  "cancel one that does not wait": { type: "cancel_waiting", id: OPEN, by: "bob" },
  "drop what is canceled": { type: "drop_canceled" },
  "update the name": { type: "update", change: { name: "Web two" } },
  "update to what it is": { type: "update", change: { name: "Web one", users: [], pool: null } },
  delete: { type: "delete" },
} as const satisfies Record<string, JetEvent>;
export type EventName = keyof typeof EVENTS;

/** Every type of event; a type that is new fails to compile here. */
export const EVENT_TYPES = Object.keys({
  trigger: true,
  target: true,
  hop: true,
  next: true,
  ended: true,
  rollback: true,
  rolled_back: true,
  drop_target: true,
  cancel_waiting: true,
  drop_canceled: true,
  update: true,
  delete: true,
} satisfies Record<JetEvent["type"], true>);

/** A decision in one line: kind, then the jet's state and all that it holds, then the effects. */
export function inWords(decision: JetDecision): string {
  if (decision.kind === "refused") return `refused ${decision.code}`;
  if (decision.kind === "unchanged") return `unchanged ${decision.why}`;
  const { next, effects } = decision;
  return [
    next.destroyedAt === undefined ? (next.state ?? "no state") : "destroyed",
    ...(next.name === "Web one" ? [] : [next.name]),
    ...(next.open === undefined
      ? []
      : [`${next.open.rollback === true ? "rolls back" : "open"} ${next.open.action}`]),
    ...(next.target === undefined ? [] : [`to ${next.target.state}`]),
    ...(next.queue.length === 0 ? [] : [`${next.queue.length} wait`]),
    ...next.queue.flatMap(({ canceled, action }) => (canceled === undefined ? [] : [`${action} canceled`])),
    ...effects.map((effect) => {
      if (effect.type === "create_action") return `=> create ${effect.action.reference}`;
      if (effect.type === "target_over") return `=> ${effect.target.state} ${effect.end}`;
      return effect.type === "release" ? `=> release ${effect.hold.jet}` : `=> refuse ${effect.code}`;
    }),
  ].join(", ");
}
