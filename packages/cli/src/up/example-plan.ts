import { availableActions, createAction, findPath } from "@jetmesh/lifecycle";
import type { JetActionDefinition, TemplateDefinition } from "@jetmesh/protocol";

/** What an example is brought to; one whose template has no such state is applied, and no more. */
export const GOAL = "running";

export const canRun = (template: TemplateDefinition): boolean =>
  template.actions.some(({ to }) => to === GOAL) && createAction(template) !== undefined;

/** The one jet that `up` makes of an example's template: `web1` of `web`. */
export const jetOf = (template: TemplateDefinition): string => `${template.reference}1`;

/** The state in which a jet of the template stops nobody from going home. */
export const restOf = (template: TemplateDefinition): string | undefined => createAction(template)?.to;

/**
 * The next action on the way to the goal. Where the jet is there already it is the one that leads back to it, a
 * restart: what it had running may be long dead.
 */
export function nextUp(
  template: TemplateDefinition,
  state: string | undefined,
): JetActionDefinition | undefined {
  if (state === GOAL) return availableActions(template, GOAL).find(({ to }) => to === GOAL);
  return findPath(template, state, GOAL)?.[0];
}

export function nextDown(
  template: TemplateDefinition,
  state: string | undefined,
): JetActionDefinition | undefined {
  const rest = restOf(template);
  // A jet without a state has nothing that runs.
  return rest === undefined || state === undefined ? undefined : findPath(template, state, rest)?.[0];
}

export const destroyAction = (
  template: TemplateDefinition,
  state: string | undefined,
): JetActionDefinition | undefined => availableActions(template, state).find(({ to }) => to === undefined);
