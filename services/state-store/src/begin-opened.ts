import { findAction, type JetDecision } from "@jetmesh/lifecycle";
import type { TemplateDefinition } from "@jetmesh/protocol";
import type { Deps } from "./deps.ts";
import type { JetAt } from "./jet-copies.ts";
import { makeAction } from "./make-action.ts";

/** After the jet's write: the action that it opened is made, and settled at once where there is nothing to run. */
export async function beginOpened(
  deps: Deps,
  decision: JetDecision & { kind: "write" },
  incarnation: number,
): Promise<void> {
  for (const effect of decision.effects) {
    if (effect.type !== "create_action") continue;
    const template = await deps.definitions.template(decision.next.template, false);
    const born = await makeAction(deps, decision.next, incarnation, effect.open, effect.action, template);
    if (born !== undefined) deps.settleLater(born);
  }
}

/** Makes the action that a jet names as open again, from what the jet's record keeps; harmless where it is there. */
export async function remakeAction(
  deps: Deps,
  { jet }: JetAt,
  template: TemplateDefinition | undefined,
): Promise<void> {
  const { open } = jet;
  if (open === undefined || open.rollback === true) return;
  const action = template === undefined ? undefined : findAction(template, open.action);
  const born = await makeAction(deps, jet, jet.incarnation, open, action, template);
  if (born !== undefined) deps.settleLater(born);
}
