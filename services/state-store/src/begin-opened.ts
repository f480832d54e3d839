import { findAction, type JetDecision, type JetEffect } from "@jetmesh/lifecycle";
import type { JetRecord, TemplateDefinition } from "@jetmesh/protocol";
import type { Deps } from "./deps.ts";
import { tellCaller } from "./history.ts";
import { releaseHold } from "./holds.ts";
import type { JetAt } from "./jet-copies.ts";
import { makeAction } from "./make-action.ts";

/**
 * After the jet's write: the action that it opened is made, and settled at once where there is nothing to run; what it
 * does not require any more is let go, and who waited for its target is told.
 */
export async function beginOpened(
  deps: Deps,
  decision: JetDecision & { kind: "write" },
  incarnation: number,
): Promise<void> {
  for (const effect of decision.effects) {
    // A hint: what is not released now is freed by the scan.
    if (effect.type === "release")
      void releaseHold(deps, decision.next.reference, effect.hold).catch((thrown: unknown) =>
        deps.log.warn({ err: thrown, hold: effect.hold }, "not released yet"),
      );
    if (effect.type === "target_over") tellOfTarget(deps, decision.next, effect);
    if (effect.type !== "create_action") continue;
    const template = await deps.definitions.template(decision.next.template, false);
    const born = await makeAction(deps, decision.next, incarnation, effect.open, effect.action, template);
    if (born !== undefined) deps.settleLater(born);
  }
}

/** Whoever waits until the jet is there learns how it ended. */
function tellOfTarget(
  deps: Deps,
  { reference, state }: JetRecord,
  { target, end, error }: Extract<JetEffect, { type: "target_over" }>,
): void {
  const outcome = end === "arrived" ? "SUCCESS" : "ERROR";
  // There it may have begun the next that waited in the same write.
  const jetState = end === "arrived" ? target.state : state;
  tellCaller(deps, target.trigger.tell, {
    v: 1,
    id: target.id,
    state: outcome,
    outcome,
    jet: reference,
    ...(jetState === undefined ? {} : { jetState }),
    ...(error === undefined ? {} : { error: { ...error } }),
  });
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
