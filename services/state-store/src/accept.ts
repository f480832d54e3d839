import { decideJet, type TriggerFacts } from "@jetmesh/lifecycle";
import type { AcceptedTrigger, JetRecord, OnBusy } from "@jetmesh/protocol";
import { type Refusal } from "@jetmesh/service-kit";
import { beginOpened, remakeAction } from "./begin-opened.ts";
import type { Deps } from "./deps.ts";
import { meetRequirements } from "./requirements.ts";

export type Acceptance =
  | { readonly kind: "accepted"; readonly jet: JetRecord }
  | { readonly kind: "queued"; readonly jet: JetRecord }
  /** This very trigger was accepted before: acknowledged without effect. */
  | { readonly kind: "duplicate"; readonly jet: JetRecord }
  | { readonly kind: "refused"; readonly refusal: Refusal };

const refused = (code: Refusal["code"], message: string): Acceptance => ({
  kind: "refused",
  refusal: { code, message },
});

/** The arguments of what waits are part of the jet's record, and a message of the broker holds a megabyte. */
const isTooLarge = (jet: JetRecord): boolean =>
  jet.queue.length > 0 && JSON.stringify(jet).length > MAX_JET_BYTES;
const MAX_JET_BYTES = 900 * 1024;

/** More lost races than this for one jet mean that something is wrong; the trigger stays in its stream. */
const MAX_TRIES = 50;

/**
 * Takes a trigger (design §4, Beginning): the compare-and-swap of the jet's record is the acceptance. Decides on
 * this process's copy first; a refusal is decided again on what the leader has.
 */
export function acceptTrigger(
  deps: Deps,
  reference: string,
  asked: AcceptedTrigger,
  onBusy: OnBusy | undefined,
  facts: TriggerFacts,
): Promise<Acceptance> {
  return deps.lanes.run(reference, async () => {
    for (let tries = 0, fresh = false; tries < MAX_TRIES; tries += 1) {
      const at = await deps.jets.load(reference, fresh);
      const template = at === undefined ? undefined : await deps.definitions.template(at.jet.template, fresh);
      if (at === undefined || template === undefined) {
        if (fresh || at === undefined) return refused("unknown_jet", `there is no jet '${reference}'`);
        fresh = true;
        continue;
      }
      const event = {
        type: "trigger",
        trigger: asked,
        onBusy: onBusy ?? template.onBusy,
        template,
        facts:
          template.requires.length === 0
            ? facts
            : await meetRequirements(deps, at.jet, template, asked, facts),
      } as const;
      const decision = decideJet(at.jet, event, deps.clock.now());
      if (decision.kind === "refused" && !fresh) {
        fresh = true;
        continue;
      }
      if (decision.kind === "refused") return { kind: "refused", refusal: decision };
      if (decision.kind === "unchanged") {
        // Accepted by a handler that may have died before it made the action.
        if (at.jet.open?.id === asked.id) await remakeAction(deps, at, template);
        return { kind: "duplicate", jet: at.jet };
      }
      if (isTooLarge(decision.next)) {
        return refused("too_large", `what waits for jet '${reference}' would not fit its record`);
      }
      const written = await deps.store.jets.swap(reference, decision.next, at.revision, {
        point: "jet.accept",
      });
      if (written.kind === "conflict") {
        deps.jets.drop(reference);
        fresh = true;
        continue;
      }
      deps.jets.keep(reference, { jet: decision.next, revision: written.revision });
      await beginOpened(deps, decision, at.jet.incarnation);
      return { kind: decision.next.open?.id === asked.id ? "accepted" : "queued", jet: decision.next };
    }
    throw new Error(`lost the race for jet '${reference}' ${String(MAX_TRIES)} times`);
  });
}
