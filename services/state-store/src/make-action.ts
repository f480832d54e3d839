import { plansCalledBy, TemplateError } from "@jetmesh/flight-plan";
import {
  type ActionEvent,
  DEFAULT_POOL,
  decideAction,
  type Now,
  newAction,
  PLAN_KIND,
} from "@jetmesh/lifecycle";
import type {
  ActionDefinition,
  ActionRecord,
  ActionSlots,
  JetActionDefinition,
  JetRecord,
  OpenAction,
  TemplateDefinition,
} from "@jetmesh/protocol";
import { MAX_ACTION_BYTES, MAX_LABELS, sortedLabels } from "@jetmesh/protocol";
import { beginAction } from "./begin-action.ts";
import type { ActionAt, Deps } from "./deps.ts";
import { slotsOf } from "./slots-of-action.ts";

/**
 * Makes a jet's open action (design §4: jet, action, resume, each after the last is acknowledged). Gives the record where it
 * was born ended and so is to be settled at once.
 */
export async function makeAction(
  deps: Deps,
  jet: JetRecord,
  incarnation: number,
  open: OpenAction,
  action: JetActionDefinition | undefined,
  template: TemplateDefinition | undefined,
): Promise<ActionAt | undefined> {
  const { record, text } = await buildAction(deps, jet, incarnation, open, action, template);
  return beginAction(deps, record, text);
}

interface BuiltAction {
  readonly record: ActionRecord;
  /** The record as JSON. */
  readonly text: string;
}

async function buildAction(
  deps: Deps,
  jet: JetRecord,
  incarnation: number,
  open: OpenAction,
  action: JetActionDefinition | undefined,
  template: TemplateDefinition | undefined,
): Promise<BuiltAction> {
  const plan = action?.plan === undefined ? undefined : await deps.definitions.plan(action.plan, false);
  const called =
    plan === undefined
      ? { plans: {} }
      : await plansCalledBy(plan, (one) => deps.definitions.plan(one, false));
  const run = action?.run;
  const registered = run === undefined ? undefined : await deps.kinds.registered(run.kind);
  const now = deps.clock.now();
  // Where the template lost the action between its acceptance and now, the jet goes back to where it was.
  const jetAction = action ?? lostAction(jet, open);
  const definition: ActionDefinition = {
    jetAction,
    ...(plan === undefined ? {} : { plan }),
    ...("plans" in called && Object.keys(called.plans).length > 0 ? { plans: called.plans } : {}),
    variables: {
      ...plan?.variables,
      ...(plan === undefined ? {} : deps.definitions.meshVariables()),
      ...template?.variables,
      ...jet.variables,
      ...open.variables,
    },
  };
  const pool = action?.pool ?? plan?.pool ?? jet.pool ?? template?.pool;
  const labels = labelsOf(template?.labels, plan?.labels, action?.labels);
  const areTooMany = labels.length > MAX_LABELS;
  const argument = run === undefined ? open.argument : { ...run.argument, ...open.argument };
  const limited =
    plan === undefined && run === undefined
      ? undefined
      : await slotsOrFault(deps, {
          ...{
            id: open.id,
            user: open.user,
            pool: pool ?? registered?.pool ?? DEFAULT_POOL,
            jetAction,
            plan,
            argument,
          },
          ...{ jet: jet.reference, template: jet.template, variables: definition.variables },
        });
  const slots = typeof limited === "string" ? undefined : limited;
  const record = newAction(
    {
      ...{ id: open.id, kind: run?.kind ?? PLAN_KIND, registered, pool, user: open.user, argument, slots },
      ...(areTooMany ? {} : { labels }),
      lane: action?.lane ?? plan?.lane,
      definition,
      trigger: open.trigger,
      jet: { reference: jet.reference, template: jet.template, incarnation },
    },
    now,
  );
  const text = JSON.stringify(record);
  if (text.length > MAX_ACTION_BYTES) {
    const small = { ...record, argument: {}, definition: { jetAction } };
    const message = `the action's record would take ${String(text.length)} bytes`;
    return bornAs(small, { type: "cancel", why: "too_large", message }, now);
  }
  if (action === undefined) {
    const message = `the template has no action '${open.action}' any more`;
    return bornAs(record, { type: "cancel", why: "unknown_action", message }, now);
  }
  if (action.plan !== undefined && plan === undefined) {
    const message = `there is no plan '${action.plan}' any more`;
    return bornAs(record, { type: "cancel", why: "unknown_action", message }, now);
  }
  if (typeof limited === "string")
    return bornAs(record, { type: "cancel", why: "limit_failed", message: limited }, now);
  if (areTooMany) {
    const message = `it needs the labels ${labels.join(", ")}, and may need ${String(MAX_LABELS)}`;
    return bornAs(record, { type: "cancel", why: "too_many_labels", message }, now);
  }
  if ("missing" in called) {
    const message = `there is no plan '${called.missing}' any more`;
    return bornAs(record, { type: "cancel", why: "unknown_action", message }, now);
  }
  if (run !== undefined) {
    if (registered !== undefined) return { record, text };
    const message = `no runner has registered the kind '${run.kind}'`;
    return bornAs(record, { type: "cancel", why: "unknown_kind", message }, now);
  }
  return action.plan === undefined ? bornAs(record, { type: "nothing_to_run" }, now) : { record, text };
}

const NONE: readonly string[] = [];
const labelsOf = (...named: readonly (readonly string[] | undefined)[]): readonly string[] =>
  named.some((one) => one !== undefined) ? sortedLabels(named.flatMap((one) => one ?? [])) : NONE;

/** Or why it cannot be told which. */
async function slotsOrFault(
  deps: Deps,
  limited: Parameters<typeof slotsOf>[1],
): Promise<ActionSlots | undefined | string> {
  try {
    return await slotsOf(deps, limited);
  } catch (thrown) {
    if (!(thrown instanceof TemplateError)) throw thrown;
    return thrown.message;
  }
}

function bornAs(record: ActionRecord, event: ActionEvent, now: Now): BuiltAction {
  const once = { ...record, repeat: { ...record.repeat, success: 0, error: 0 } };
  const decision = decideAction(once, event, now);
  const born = decision.kind === "write" ? decision.next : record;
  return { record: born, text: JSON.stringify(born) };
}

/** Stands for an action that nobody knows any more: it leads back to where the jet was. */
export const lostAction = (jet: JetRecord, open: OpenAction): JetActionDefinition => ({
  reference: open.action,
  name: open.action,
  priority: 10,
  accessLevel: "manager",
  transit: jet.state ?? open.action,
  ...(open.from === undefined ? {} : { from: open.from, to: open.from }),
  delays: {},
  repeat: { error: 0, success: 0, backoff: 10_000 },
  rollbackOnError: false,
  note: "",
});
