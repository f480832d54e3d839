import { decideJet, findPath } from "@jetmesh/lifecycle";
import type { TriggerSource } from "@jetmesh/protocol";
import { askAccess, askOneAccess, type Refusal } from "@jetmesh/service-kit";
import { advance } from "./advance.ts";
import { beginOpened } from "./begin-opened.ts";
import type { Deps } from "./deps.ts";
import { refuseWaiting } from "./settle.ts";

export interface AskedTarget {
  readonly id: string;
  readonly jet: string;
  readonly state: string;
  readonly user: string;
  readonly trigger: TriggerSource;
}

/**
 * Keeps where a jet is to be brought and takes the first hop, in one write. Every action on the way as it is now
 * must be allowed to the user; each hop is checked again when its turn comes.
 */
export function setTarget(deps: Deps, asked: AskedTarget): Promise<Refusal | undefined> {
  return deps.lanes.run(asked.jet, async () => {
    const unknownJet: Refusal = { code: "unknown_jet", message: `there is no jet '${asked.jet}'` };
    for (let tries = 0; tries < 50; tries += 1) {
      const target = { operation: "target", user: asked.user, jet: asked.jet, state: asked.state } as const;
      const read = await askOneAccess(deps, target);
      if (!read.allow) return { code: read.code, message: read.message };
      const at = await deps.jets.load(asked.jet, true);
      const template = at === undefined ? undefined : await deps.definitions.template(at.jet.template, true);
      if (at === undefined || template === undefined) return unknownJet;
      const way = at.jet.open === undefined ? findPath(template, at.jet.state, asked.state) : [];
      const checks = (way ?? []).map(
        (action) =>
          ({ operation: "trigger", user: asked.user, jet: asked.jet, action: action.reference }) as const,
      );
      const verdicts = await askAccess(deps, checks);
      const denied = verdicts.find((verdict) => !verdict.allow);
      if (denied?.allow === false) return { code: denied.code, message: denied.message };
      const { id, state, user, trigger } = asked;
      const decision = decideJet(
        at.jet,
        { type: "target", id, state, user, trigger, template },
        deps.clock.now(),
      );
      if (decision.kind === "refused") return decision;
      if (decision.kind === "unchanged") return undefined;
      const advanced = await advance(deps, decision);
      await refuseWaiting(deps, asked.jet, advanced);
      const written = await deps.store.jets.swap(asked.jet, advanced.next, at.revision, {
        point: "jet.target",
      });
      if (written.kind === "conflict") continue;
      deps.jets.keep(asked.jet, { jet: advanced.next, revision: written.revision });
      await beginOpened(deps, advanced, at.jet.incarnation);
      return undefined;
    }
    return { code: "conflict", message: `jet '${asked.jet}' is changed too often just now` };
  });
}
