import type { JetActionDefinition, TemplateDefinition } from "@jetmesh/protocol";

/** Lower priority number first, ties by reference, so that the order never depends on how a file was written. */
const byPriority = (a: JetActionDefinition, b: JetActionDefinition): number =>
  a.priority - b.priority || (a.reference < b.reference ? -1 : 1);

export const findAction = (
  template: TemplateDefinition,
  reference: string,
): JetActionDefinition | undefined => template.actions.find((action) => action.reference === reference);

/** The actions that begin in a state, best first; undefined = the state of a jet that is not made yet. */
export const availableActions = (
  template: TemplateDefinition,
  state: string | undefined,
): JetActionDefinition[] => template.actions.filter((action) => action.from === state).sort(byPriority);

/** The action that `jet create` triggers: of those with no `from` and some `to`, the one of lowest priority number. */
export const createAction = (template: TemplateDefinition): JetActionDefinition | undefined =>
  availableActions(template, undefined).find((action) => action.to !== undefined);

/**
 * The shortest way from a state to another over the template's actions, ties by priority: the actions in order,
 * empty where the jet is there already, undefined where no way leads there. Only actions that `mayUse` count.
 */
export function findPath(
  template: TemplateDefinition,
  from: string | undefined,
  target: string,
  mayUse: (action: JetActionDefinition) => boolean = () => true,
): JetActionDefinition[] | undefined {
  if (from === target) return [];
  const seen = new Set<string | undefined>([from]);
  let front: { state: string | undefined; way: JetActionDefinition[] }[] = [{ state: from, way: [] }];
  while (front.length > 0) {
    const next: typeof front = [];
    for (const { state, way } of front) {
      for (const action of availableActions(template, state)) {
        if (action.to === undefined || seen.has(action.to) || !mayUse(action)) continue;
        const longer = [...way, action];
        if (action.to === target) return longer;
        seen.add(action.to);
        next.push({ state: action.to, way: longer });
      }
    }
    front = next;
  }
  return undefined;
}
