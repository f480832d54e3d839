import { decideJet, findPath, type JetDecision, type JetEvent, type TriggerFacts } from "@jetmesh/lifecycle";
import type { JetRecord } from "@jetmesh/protocol";
import { TRIGGER_EXPIRES_MS } from "@jetmesh/protocol";
import { actionIdOfChild, askOneAccess } from "@jetmesh/service-kit";
import { UnavailableError } from "@jetmesh/storage";
import type { Deps } from "./deps.ts";

type Written = JetDecision & { kind: "write" };

/**
 * Adds to a write that leaves a jet idle whatever waits for it: the next hop to its target, else the head of its
 * queue, each checked again; so that settling and beginning the next are one write. At most the whole queue is
 * refused on the way.
 */
export async function advance(deps: Deps, settled: Written): Promise<Written> {
  let decision = settled;
  while (decision.next.open === undefined && decision.next.destroyedAt === undefined) {
    const event = await nextEvent(deps, decision.next).catch((thrown: unknown) => {
      // While authz cannot be asked nothing begins; the settling does not wait for it, repair goes on later.
      if (thrown instanceof UnavailableError) return undefined;
      throw thrown;
    });
    if (event === undefined) break;
    const more = decideJet(decision.next, event, deps.clock.now());
    if (more.kind === "write") {
      decision = { ...more, effects: [...decision.effects, ...more.effects] };
    } else if (more.kind === "refused" && decision.next.target !== undefined) {
      deps.log.info(
        { jet: decision.next.reference, target: decision.next.target.state, code: more.code },
        "target given up",
      );
      const dropped = decideJet(decision.next, { type: "drop_target", why: more.code }, deps.clock.now());
      if (dropped.kind !== "write") break;
      decision = { ...dropped, effects: [...decision.effects, ...dropped.effects] };
    } else break;
  }
  return decision;
}

async function nextEvent(deps: Deps, jet: JetRecord): Promise<JetEvent | undefined> {
  const [head] = jet.queue;
  if (jet.target === undefined && head === undefined) return undefined;
  const template = await deps.definitions.template(jet.template, false);
  if (template === undefined) return undefined;
  if (jet.target !== undefined) {
    const { target } = jet;
    const action = findPath(template, jet.state, target.state)?.[0];
    const facts = await factsOf(deps, jet, target.user, action?.reference, target.at);
    return {
      type: "hop",
      id: actionIdOfChild(target.id, "hop", target.hops),
      template,
      facts: { ...facts, expired: false },
    };
  }
  return {
    type: "next",
    template,
    facts: await factsOf(deps, jet, head?.user ?? "", head?.action, head?.at),
  };
}

async function factsOf(
  deps: Deps,
  jet: JetRecord,
  user: string,
  action: string | undefined,
  askedAt: string | undefined,
): Promise<TriggerFacts> {
  const access =
    action === undefined
      ? { allow: true as const }
      : await askOneAccess(deps, { operation: "trigger", user, jet: jet.reference, action });
  return {
    access,
    expired: askedAt !== undefined && deps.clock.now() - Date.parse(askedAt) > TRIGGER_EXPIRES_MS,
  };
}
