import type { JetActionDefinition, JetRecord, TemplateDefinition } from "@jetmesh/protocol";
import fc from "fast-check";
import {
  decideJet,
  findAction,
  type JetDecision,
  type JetEvent,
  newJet,
  type TriggerFacts,
} from "../src/index.ts";
import { ALLOWED, asked, DENIED, NOW } from "./jet-situations.ts";
import { anyStart, anyState, anyTemplate } from "./random-templates.ts";

/** Random lives of a jet over a random template. */
interface Step {
  readonly type: JetEvent["type"];
  /** Which id it carries: the open action's, one accepted before, or a new one. */
  readonly whose: "open" | "known" | "new";
  readonly action: number;
  readonly state: string;
  readonly queue: boolean;
  readonly ok: boolean;
  readonly sameIncarnation: boolean;
  readonly facts: TriggerFacts;
  /** Whether it is to end what is open, so that lives go on. */
  readonly leadsOn: boolean;
}
export interface Visit {
  readonly before: JetRecord;
  readonly event: JetEvent;
  readonly decision: JetDecision;
}
export type Written = Visit & { readonly decision: JetDecision & { readonly kind: "write" } };

const anyStep: fc.Arbitrary<Step> = fc.record({
  type: fc.constantFrom(
    ...([
      "trigger",
      "trigger",
      "trigger",
      "trigger",
      "ended",
      "ended",
      "ended",
      "hop",
      "next",
      "next",
    ] as const),
    ...(["target", "target", "hop", "rollback", "rollback", "rolled_back", "drop_target"] as const),
    ...(["trigger", "trigger", "next", "ended", "hop", "target", "delete"] as const),
    ...(["cancel_waiting", "drop_canceled", "update"] as const),
  ),
  whose: fc.constantFrom("open", "open", "new", "new", "known"),
  action: fc.nat(20),
  state: anyState,
  leadsOn: fc.boolean(),
  queue: fc.boolean(),
  ok: fc.boolean(),
  sameIncarnation: fc.constantFrom(true, true, true, false),
  facts: fc.constantFrom(
    ALLOWED,
    ALLOWED,
    ALLOWED,
    DENIED,
    { ...ALLOWED, expired: true },
    { ...ALLOWED, unmet: "no" },
  ),
});

export function actionNamed(template: TemplateDefinition, reference: string): JetActionDefinition {
  const action = findAction(template, reference);
  if (action === undefined) throw new Error(`no action '${reference}' in the template`);
  return action;
}

export const idOf = (index: number): string => `n${String(index).padStart(15, "0")}`;

function eventOf(step: Step, jet: JetRecord, template: TemplateDefinition, index: number): JetEvent {
  const onward = jet.open === undefined ? step.type : jet.open.rollback === true ? "rolled_back" : "ended";
  const type = step.leadsOn ? onward : step.type;
  const known = type === "rollback" ? jet.last?.id : (jet.queue[0]?.id ?? jet.recent[0]);
  const id =
    (step.whose === "open" || step.leadsOn ? jet.open?.id : step.whose === "known" ? known : undefined) ??
    idOf(index);
  const fitting = template.actions.filter((action) => action.from === jet.state);
  const pool = step.ok && fitting.length > 0 ? fitting : template.actions;
  const action = pool[step.action % pool.length] ?? actionNamed(template, "a0");
  const opened = template.actions.find((each) => each.reference === jet.open?.action) ?? action;
  const incarnation = step.sameIncarnation ? jet.incarnation || 7 : 9;
  const { facts, state } = step;
  switch (type) {
    case "trigger":
      return {
        type: "trigger",
        trigger: asked(action.reference, id),
        onBusy: step.queue ? "queue" : "refuse",
        template,
        facts,
      };
    case "target":
      return { type: "target", id, state, user: "alice", trigger: { via: "api", key: id }, template };
    case "hop":
    case "next":
      return { type, id, template, facts };
    case "ended":
      return { type: "ended", id, incarnation, action: opened, outcome: step.ok ? "SUCCESS" : "ERROR" };
    case "rollback": {
      const last = template.actions.find((each) => each.reference === jet.last?.action) ?? action;
      const trigger = asked(last.reference, step.whose === "new" ? id : (jet.last?.id ?? id));
      return { type: "rollback", trigger, incarnation, transit: last.transit };
    }
    case "rolled_back":
      return { type: "rolled_back", id, incarnation, action: opened, succeeded: step.ok };
    case "drop_target":
      return { type: "drop_target", why: "no_path", message: "no way" };
    case "cancel_waiting":
      return { type: "cancel_waiting", id: known ?? id, by: "bob" };
    case "drop_canceled":
      return { type: "drop_canceled" };
    case "update":
      return { type: "update", change: step.ok ? { variables: { n: index } } : { pool: null } };
    case "delete":
      return { type: "delete" };
  }
}

export const fresh = (template: TemplateDefinition): JetRecord =>
  newJet({ reference: "web1", name: "Web one", template, users: [], managers: [], variables: {} }, NOW);

function walk(start: JetRecord, template: TemplateDefinition, steps: readonly Step[]): Visit[] {
  let jet = start;
  return steps.map((step, index) => {
    const event = eventOf(step, jet, template, index);
    const visit = { before: jet, event, decision: decideJet(jet, event, NOW + index) };
    if (visit.decision.kind === "write") jet = visit.decision.next;
    return visit;
  });
}

const waiting = (count: number) =>
  Array.from({ length: count }, (_, at) => asked("a0", `q${String(at).padStart(15, "0")}`));

/**
 * Holds in 150 random lives of up to 60 events, some of which begin with an almost full queue; always in the same
 * ones where a seed is given.
 */
export function everyVisit(holds: (visit: Visit, template: TemplateDefinition) => void, seed?: number): void {
  const lives = fc.record({
    template: anyTemplate,
    state: anyStart,
    waits: fc.constantFrom(0, 0, 0, 0, 0, 0, 254),
    steps: fc.array(anyStep, { minLength: 1, maxLength: 60, size: "max" }),
  });
  fc.assert(
    fc.property(lives, ({ template, state, waits, steps }) => {
      const start = {
        ...fresh(template),
        ...(state === undefined ? {} : { state, incarnation: 7 }),
        queue: waiting(waits),
      };
      for (const visit of walk(start, template, steps)) holds(visit, template);
    }),
    { numRuns: 150, ...(seed === undefined ? {} : { seed }) },
  );
}
export const everyWrite = (
  holds: (written: Written, template: TemplateDefinition) => void,
  seed?: number,
): void => {
  everyVisit((visit, template) => {
    if (visit.decision.kind === "write") holds(visit as Written, template);
  }, seed);
};
