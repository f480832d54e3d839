import { CREATE } from "./operations.ts";
import { readsAction, readsPlan, seesManagers } from "./rules.ts";
import type { ActionIs, JetIs, RunIs, TemplateIs, World } from "./world.ts";

/** What of a thing somebody is shown. */
export const actionFor = (world: World, who: string, { reference, level, plan }: ActionIs): ActionIs =>
  plan === undefined || !readsPlan(world, who, plan) ? { reference, level } : { reference, level, plan };

export const templateFor = (world: World, who: string, template: TemplateIs): TemplateIs => ({
  ...template,
  managers: seesManagers(world, who) ? template.managers : [],
  actions: template.actions
    .filter((action) => readsAction(world, who, template, action))
    .map((action) => actionFor(world, who, action)),
});

export function jetFor(world: World, who: string, jet: JetIs): unknown {
  const { reference, template, users, managers, isResting, last } = jet;
  const of = world.templates.get(template);
  const action = of?.actions.find((one) => one.reference === last);
  const isSeen = who === "root" || world.users.get(who) === "root";
  const isNamed = isSeen || (of !== undefined && action !== undefined && readsAction(world, who, of, action));
  return {
    reference,
    template,
    users,
    managers: seesManagers(world, who) ? managers : [],
    isResting,
    last: last === undefined ? "none" : isNamed ? last : "hidden",
  };
}

export function runFor(world: World, who: string, { action, jet, plan }: RunIs): unknown {
  const isSeen = plan !== undefined && readsPlan(world, who, plan);
  return { jet, action, ...(isSeen ? { plan, steps: 1 } : {}) };
}

/** Of a jet at rest: what begins there and may be read, best first; all have the same priority. */
export function availableFor(world: World, who: string, jet: JetIs): readonly ActionIs[] {
  const template = world.templates.get(jet.template);
  if (template === undefined) return [];
  return template.actions
    .filter(({ reference }) => (reference === CREATE) !== jet.isResting)
    .filter((action) => readsAction(world, who, template, action))
    .toSorted((a, b) => (a.reference < b.reference ? -1 : 1))
    .map((action) => actionFor(world, who, action));
}
