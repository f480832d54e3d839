import type { JetEvent } from "@jetmesh/lifecycle";
import type { JetRecord, TriggerSource } from "@jetmesh/protocol";
import { askAccess, type Refusal } from "@jetmesh/service-kit";
import { changeJet, type JetChanged } from "./change-jet.ts";
import type { Deps } from "./deps.ts";
import { judgeWay, mayBring } from "./judge-way.ts";

export interface AskedTarget {
  readonly id: string;
  readonly jet: string;
  readonly state: string;
  readonly user: string;
  readonly trigger: TriggerSource;
}

/**
 * Keeps where a jet is to be brought and takes the first hop, in one write. Every action on the way as it is now
 * must be allowed to the user; each hop is checked again when its turn comes. There is one target at a time, and the
 * newer counts.
 */
export async function setTarget(deps: Deps, asked: AskedTarget): Promise<JetChanged> {
  const { id, jet, state, user, trigger } = asked;
  const denied = await mayBring(deps, user, jet, state);
  if (denied !== undefined) return { kind: "refused", refusal: denied };
  const judge = async (is: JetRecord): Promise<JetEvent | Refusal> => {
    const template = await deps.definitions.template(is.template, true);
    if (template === undefined) return { code: "unknown_jet", message: `there is no jet '${jet}'` };
    // While an action is open it is not known yet where the way begins.
    const judged = is.open === undefined ? await judgeWay(deps, user, is, template, state) : undefined;
    if (judged !== undefined && "refusal" in judged) return judged.refusal;
    return { type: "target", id, state, user, trigger, template };
  };
  return changeJet(deps, jet, { point: "jet.target", judge, movesOn: true });
}

/**
 * Forgets where a jet is to be brought; the action that runs goes on to its end. For who set it, who may bring the jet there
 * themselves, and the jet's managers.
 */
export function cancelTarget(deps: Deps, user: string, jet: string): Promise<JetChanged> {
  const judge = async ({ target }: JetRecord): Promise<JetEvent | Refusal | "nothing"> => {
    const [read, manage, bring] = await askAccess(deps, [
      { operation: "jet.read", user, jet },
      { operation: "jet.update", user, jet },
      ...(target === undefined ? [] : [{ operation: "target", user, jet, state: target.state } as const]),
    ]);
    if (read?.allow === false) return { code: read.code, message: read.message };
    if (target === undefined) return "nothing";
    if (target.user !== user && bring?.allow !== true && manage?.allow !== true)
      return { code: "forbidden", message: `'${user}' may not cancel where jet '${jet}' is brought` };
    return { type: "drop_target", why: "canceled", message: "it was canceled" };
  };
  return changeJet(deps, jet, { point: "jet.target", judge, movesOn: true });
}
