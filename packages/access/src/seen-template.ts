import type { JetActionDefinition, Requirement, TemplateDefinition } from "@jetmesh/protocol";

/**
 * A template as somebody sees it who may not read everything in it: what is hidden is left out, and what they apply
 * leaves it as it is. Applying what one was shown changes nothing.
 */
export interface Sight {
  readonly action: (reference: string) => boolean;
  readonly plan: (reference: string) => boolean;
  /** Templates that it requires. */
  readonly template: (reference: string) => boolean;
  readonly managers: boolean;
}

export const seenAction = (
  action: JetActionDefinition,
  { plan }: Pick<Sight, "plan">,
): JetActionDefinition => {
  if (action.plan === undefined || plan(action.plan)) return action;
  const { plan: _hidden, ...rest } = action;
  return rest;
};

export function seenTemplate(template: TemplateDefinition, sight: Sight): TemplateDefinition {
  return {
    ...template,
    managers: sight.managers ? template.managers : [],
    requires: template.requires
      .filter((one) => isSeenRequirement(one, sight))
      .map((one) => ({ ...one, actions: one.actions.filter(sight.action) })),
    actions: template.actions
      .filter(({ reference }) => sight.action(reference))
      .map((action) => seenAction(action, sight)),
  };
}

/** What somebody with this sight wants a stored template to be: their document, and everything hidden as it was. */
export function withUnseen(
  stored: TemplateDefinition,
  wanted: TemplateDefinition,
  sight: Sight,
): TemplateDefinition {
  return {
    ...wanted,
    requires: requirementsWithUnseen(stored.requires, wanted.requires, sight),
    actions: inPlace(
      stored.actions,
      wanted.actions.map((action) => withHiddenPlan(stored, action, sight)),
      ({ reference }) => sight.action(reference),
    ),
  };
}

/** One that only hidden actions ask for is hidden with them; none that are named are all of them. */
const isSeenRequirement = ({ template, actions }: Requirement, sight: Sight): boolean =>
  sight.template(template) && (actions.length === 0 || actions.some(sight.action));

function requirementsWithUnseen(
  stored: readonly Requirement[],
  wanted: readonly Requirement[],
  sight: Sight,
): Requirement[] {
  const isSeen = (one: Requirement): boolean => isSeenRequirement(one, sight);
  const is = new Map(stored.filter(isSeen).map((one) => [one.template, one]));
  const merged = wanted.map((one) => {
    // Also of one that only hidden actions ask for so far: a template is required once.
    const before = stored.find(({ template }) => template === one.template)?.actions ?? [];
    return one.actions.length === 0 ? one : { ...one, actions: inPlace(before, one.actions, sight.action) };
  });
  // What is taken away is taken from the actions that are seen.
  const taken = [...is.values()].filter(({ template }) => !wanted.some((one) => one.template === template));
  const left = taken
    .map((one) => ({ ...one, actions: one.actions.filter((action) => !sight.action(action)) }))
    .filter(({ actions }) => actions.length > 0);
  const hasPlace = (one: Requirement): boolean =>
    isSeen(one) || wanted.some(({ template }) => template === one.template);
  return [...inPlace(stored, merged, hasPlace), ...left];
}

function withHiddenPlan(
  stored: TemplateDefinition,
  action: JetActionDefinition,
  sight: Sight,
): JetActionDefinition {
  const plan = stored.actions.find(({ reference }) => reference === action.reference)?.plan;
  return plan === undefined || action.plan !== undefined || sight.plan(plan) ? action : { ...action, plan };
}

/** Hidden things keep their places; what is wanted takes those of the seen ones, in its own order. */
function inPlace<T>(stored: readonly T[], wanted: readonly T[], isSeen: (one: T) => boolean): T[] {
  const rest = [...wanted];
  const placed = stored.flatMap((one) => (isSeen(one) ? rest.splice(0, 1) : [one]));
  return [...placed, ...rest];
}
