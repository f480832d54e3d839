import type { AccessCheck, Names } from "@jetmesh/protocol";
import type { Connection } from "@jetmesh/storage";
import { askAccess } from "./ask-access.ts";

/** What somebody sees of what other things name: jet actions of templates, plans, jets, and who manages. */
export interface AskedSight {
  action(template: string, reference: string): boolean;
  plan(reference: string): boolean;
  template(reference: string): boolean;
  jet(reference: string): boolean;
  schedule(reference: string): boolean;
  readonly managers: boolean;
}

export interface Sights {
  readonly actions?: Iterable<readonly [template: string, action: string]>;
  readonly plans?: Iterable<string>;
  readonly templates?: Iterable<string>;
  readonly jets?: Iterable<string>;
  readonly schedules?: Iterable<string>;
}

/** Asks authz for all of it at once. What was not asked about is not seen. */
export async function askSight(
  asker: { readonly connection: Connection; readonly names: Names },
  user: string,
  { actions = [], plans = [], templates = [], jets = [], schedules = [] }: Sights,
): Promise<AskedSight> {
  const checks = new Map<string, AccessCheck>([["managers", { operation: "managers.read", user }]]);
  for (const [template, action] of actions)
    checks.set(`action.${template}.${action}`, { operation: "action.read", user, template, action });
  for (const reference of plans)
    checks.set(`plan.${reference}`, { operation: "definition.read", user, kind: "Plan", reference });
  for (const reference of templates)
    checks.set(`template.${reference}`, { operation: "definition.read", user, kind: "Template", reference });
  for (const jet of jets) checks.set(`jet.${jet}`, { operation: "jet.read", user, jet });
  for (const reference of schedules)
    checks.set(`schedule.${reference}`, { operation: "definition.read", user, kind: "Schedule", reference });
  const verdicts = await askAccess(asker, [...checks.values()]);
  const seen = new Set([...checks.keys()].filter((_, index) => verdicts[index]?.allow === true));
  return {
    action: (template, reference) => seen.has(`action.${template}.${reference}`),
    plan: (reference) => seen.has(`plan.${reference}`),
    template: (reference) => seen.has(`template.${reference}`),
    jet: (reference) => seen.has(`jet.${reference}`),
    schedule: (reference) => seen.has(`schedule.${reference}`),
    managers: seen.has("managers"),
  };
}
