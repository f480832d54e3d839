import { seenAction, seenTemplate } from "@jetmesh/access";
import {
  type ActionRecord,
  type ActionSlots,
  type Definition,
  type JetActionDefinition,
  type JetRecord,
  type JetView,
  type OpenAction,
  ownerOfSlots,
} from "@jetmesh/protocol";
import { askSight } from "@jetmesh/service-kit";
import type { GatewayDeps } from "./deps.ts";

/**
 * What may be read of a thing that may be read: names of jet actions, plans and managers that the caller may not read are
 * left out of whatever names them (design §7.7). Every answer that shows one of these records goes through here.
 */
type Asker = Pick<GatewayDeps, "connection" | "names">;

export async function seenDefinitions(
  asker: Asker,
  user: string,
  found: readonly Definition[],
): Promise<Definition[]> {
  const templates = found.filter((one) => one.kind === "Template");
  if (templates.length === 0) return [...found];
  const sight = await askSight(asker, user, {
    actions: templates.flatMap(({ reference, actions }) =>
      actions.map((action) => [reference, action.reference] as const),
    ),
    plans: templates.flatMap(({ actions }) => actions.flatMap(({ plan }) => plan ?? [])),
    templates: templates.flatMap(({ requires }) => requires.map(({ template }) => template)),
  });
  return found.map((one) =>
    one.kind === "Template"
      ? seenTemplate(one, { ...sight, action: (action) => sight.action(one.reference, action) })
      : one,
  );
}

/** Jet actions that may be read themselves. */
export async function seenActions(
  asker: Asker,
  user: string,
  found: readonly JetActionDefinition[],
): Promise<JetActionDefinition[]> {
  const sight = await askSight(asker, user, { plans: found.flatMap(({ plan }) => plan ?? []) });
  return found.map((action) => seenAction(action, sight));
}

/** Of an action that is hidden a jet says no more than that one is open, or ended, and when. */
export async function seenJets(asker: Asker, user: string, found: readonly JetRecord[]): Promise<JetView[]> {
  const sight = await askSight(asker, user, {
    actions: found.flatMap(({ template, open, last, queue }) =>
      [open, last, ...queue].flatMap((one) => (one === undefined ? [] : [[template, one.action] as const])),
    ),
    jets: found.flatMap(({ holds = [], heldBy = [] }) => [...holds, ...heldBy].map(({ jet }) => jet)),
  });
  return found.map((jet) => {
    const isSeen = ({ action }: Pick<OpenAction, "action">): boolean => sight.action(jet.template, action);
    const { open, last, queue, holds, heldBy, ...rest } = jet;
    return {
      ...rest,
      ...(open === undefined ? {} : { open }),
      ...(last === undefined ? {} : { last }),
      ...(holds === undefined ? {} : { holds: holds.filter((one) => sight.jet(one.jet)) }),
      ...(heldBy === undefined ? {} : { heldBy: heldBy.filter((one) => sight.jet(one.jet)) }),
      managers: sight.managers ? jet.managers : [],
      // One that is canceled waits no more, though it may be there until that is in the history.
      queue: queue.filter((waiting) => waiting.canceled === undefined && isSeen(waiting)),
      ...(open === undefined || isSeen(open) ? {} : { open: { id: open.id, at: open.at } }),
      ...(last === undefined || isSeen(last)
        ? {}
        : { last: { id: last.id, at: last.at, outcome: last.outcome } }),
    };
  });
}

/** A run goes by its plan and its variables; they are the plan's, and shown with it. */
export async function seenRuns(
  asker: Asker,
  user: string,
  found: readonly ActionRecord[],
): Promise<ActionRecord[]> {
  const sight = await askSight(asker, user, {
    plans: found.flatMap(({ definition: { plan, jetAction } }) => [
      ...(plan === undefined ? [] : [plan.reference]),
      ...(jetAction?.plan === undefined ? [] : [jetAction.plan]),
    ]),
  });
  return found.map((record) => {
    const { plan, variables, jetAction, ...rest } = record.definition;
    const isSeen = plan === undefined || sight.plan(plan.reference);
    return {
      ...record,
      definition: {
        ...rest,
        ...(jetAction === undefined ? {} : { jetAction: seenAction(jetAction, sight) }),
        ...(plan === undefined || !isSeen ? {} : { plan }),
        ...(variables === undefined || !isSeen ? {} : { variables }),
      },
      ...(record.slots === undefined || isSeen ? {} : { slots: withoutPlan(record.slots) }),
    };
  });
}

/** Which plan it is, and what was made of its variables, is the plan's. */
const withoutPlan = ({ keys, ...slots }: ActionSlots): ActionSlots => ({
  ...slots,
  keys: keys.map(({ key }) => ({ key: ownerOfSlots(key).kind === "Plan" ? HIDDEN_KEY : key })),
});
export const HIDDEN_KEY = "plan.0";

/** The view of a single thing. */
export function onlyOne<T>([view]: readonly T[]): T {
  if (view === undefined) throw new Error("there is no view of it");
  return view;
}
