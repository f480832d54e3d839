import { type JetActionDefinition, TemplateDefinition } from "@jetmesh/protocol";
import fc from "fast-check";

/** Random templates over a few states, and an oracle for the ways through them that shares no code with the core. */
export const STATES = ["s0", "s1", "s2", "s3", "s4", "s5"] as const;
const anyState = fc.constantFrom(...STATES);

const anyEdge = fc.record({
  from: fc.option(anyState, { nil: undefined, freq: 5 }),
  to: fc.option(anyState, { nil: undefined, freq: 8 }),
  error: fc.option(anyState, { nil: undefined }),
  priority: fc.nat(3),
});
export interface Edge {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly error?: string | undefined;
  readonly priority?: number | undefined;
}

export const templateOf = (edges: readonly Edge[]): TemplateDefinition =>
  TemplateDefinition.parse({
    kind: "Template",
    reference: "random",
    name: "Random",
    actions: edges.map((edge, at) => ({ ...edge, reference: `a${at}`, name: `A ${at}`, transit: `t${at}` })),
  });

export const anyTemplate: fc.Arbitrary<TemplateDefinition> = fc
  .array(anyEdge, { minLength: 1, maxLength: 14, size: "max" })
  .map(templateOf);

/** The state of a jet: none, or one of the template's. */
export const anyStart = fc.option(anyState, { nil: undefined });
export { anyState };

/**
 * The number of actions on the shortest way, undefined where there is none: relaxed over all edges until nothing
 * changes (Bellman and Ford), not a search by breadth.
 */
export function distance(
  actions: readonly JetActionDefinition[],
  from: string | undefined,
  target: string,
): number | undefined {
  const far = new Map<string | undefined, number>([[from, 0]]);
  for (let round = 0; round <= STATES.length; round += 1) {
    for (const action of actions) {
      const reached = far.get(action.from);
      if (reached === undefined || action.to === undefined) continue;
      if (reached + 1 < (far.get(action.to) ?? Infinity)) far.set(action.to, reached + 1);
    }
  }
  return far.get(target);
}
