import { decideAction } from "@jetmesh/lifecycle";
import type { Deps } from "./deps.ts";

/** Lost races for one action: somebody else goes on with it, so it kills nobody. */
const MOST_TRIES = 5;

/**
 * Ends an action that killed every runner which was to go on with it. Without that the ticker would send the next
 * hint, and the action would never end. One that somebody holds is left to what is known of its holder.
 */
export async function endPoisoned(deps: Deps, id: string, message: string): Promise<void> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const stored = await deps.store.actions.get(id);
    if (stored.kind !== "record" || stored.value.claim !== undefined) return;
    const event = { type: "cancel", why: "poison", message } as const;
    const decision = decideAction(stored.value, event, deps.clock.now());
    if (decision.kind !== "write") return;
    const { next, effects } = decision;
    const written = await deps.store.actions.swap(id, next, stored.revision, { point: "action.poison" });
    if (written.kind === "conflict") continue;
    deps.log.warn({ action: id, jet: next.jet }, "ended an action that killed its runners");
    if (effects.some(({ type }) => type === "tell"))
      deps.settleLater({ record: next, revision: written.revision });
    return;
  }
}
