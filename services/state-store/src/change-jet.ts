import { isDeepStrictEqual } from "node:util";
import { decideJet, type JetDecision, type JetEvent } from "@jetmesh/lifecycle";
import type { JetRecord } from "@jetmesh/protocol";
import type { Refusal } from "@jetmesh/service-kit";
import type { WritePoint } from "@jetmesh/storage";
import { advance } from "./advance.ts";
import { beginOpened } from "./begin-opened.ts";
import type { Deps } from "./deps.ts";
import { dropSecretsLater } from "./secrets.ts";
import { refuseWaiting } from "./settle.ts";
import { freeSlotLater } from "./slots.ts";

export type JetChanged =
  | { readonly kind: "refused"; readonly refusal: Refusal }
  /** The jet as it is by then. */
  | { readonly kind: "written"; readonly jet: JetRecord }
  | {
      readonly kind: "unchanged";
      readonly jet: JetRecord;
      readonly why: Extract<JetDecision, { kind: "unchanged" }>["why"];
    };

interface Change {
  readonly point: WritePoint;
  /** What is to happen to the jet as the leader has it; a refusal, or that there is nothing to do. */
  readonly judge: (
    jet: JetRecord,
  ) => JetEvent | Refusal | "nothing" | Promise<JetEvent | Refusal | "nothing">;
  /** Whether what waits is begun in the same write, where the jet is idle. */
  readonly movesOn: boolean;
}

/** More lost races than this for one jet mean that something is wrong. */
const MAX_TRIES = 50;

/** A change that a user asks for, by a compare-and-swap of the jet's record as the leader has it; then what follows from it. */
export function changeJet(
  deps: Deps,
  reference: string,
  { point, judge, movesOn }: Change,
): Promise<JetChanged> {
  const unknownJet = { code: "unknown_jet", message: `there is no jet '${reference}'` } as const;
  return deps.lanes.run(reference, async (): Promise<JetChanged> => {
    for (let tries = 0; tries < MAX_TRIES; tries += 1) {
      const at = await deps.jets.load(reference, true);
      if (at === undefined || at.jet.destroyedAt !== undefined)
        return { kind: "refused", refusal: unknownJet };
      const event = await judge(at.jet);
      if (event === "nothing") return { kind: "unchanged", jet: at.jet, why: "nothing_waits" };
      if ("code" in event) return { kind: "refused", refusal: event };
      const decision = decideJet(at.jet, event, deps.clock.now());
      if (decision.kind === "refused") return { kind: "refused", refusal: decision };
      if (decision.kind === "unchanged") return { ...decision, jet: at.jet };
      const next = movesOn ? await advance(deps, decision) : decision;
      await refuseWaiting(deps, reference, next);
      const ttlMs = next.expires === true ? deps.config.JM_CLOSED_TTL_MS : undefined;
      const written = await deps.store.jets.swap(reference, next.next, at.revision, { point, ttlMs });
      if (written.kind === "conflict") {
        const is = await deps.jets.load(reference, true);
        // Made twice on its way, the second refused for the first: it is there all the same.
        if (!isDeepStrictEqual(is?.jet, next.next)) continue;
      } else deps.jets.keep(reference, { jet: next.next, revision: written.revision });
      await beginOpened(deps, next, at.jet.incarnation);
      if (next.expires === true) {
        freeSlotLater(deps, next.next);
        dropSecretsLater(deps, at.jet);
        for (const { jet } of at.jet.heldBy ?? []) deps.moveOnLater(jet);
      }
      return { kind: "written", jet: next.next };
    }
    const message = `jet '${reference}' is changed too often just now`;
    return { kind: "refused", refusal: { code: "conflict", message } };
  });
}
