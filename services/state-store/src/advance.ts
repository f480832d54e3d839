import { decideJet, findPath, type JetDecision, type JetEvent, type TriggerFacts } from "@jetmesh/lifecycle";
import type { AccessCheck, JetRecord, TemplateDefinition } from "@jetmesh/protocol";
import { TRIGGER_EXPIRES_MS } from "@jetmesh/protocol";
import { askAccess } from "@jetmesh/service-kit";
import { UnavailableError } from "@jetmesh/storage";
import type { Deps } from "./deps.ts";
import { hopId } from "./hop-id.ts";
import { type AskedAction, meetRequirements } from "./requirements.ts";

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
      const { code: why, message } = more;
      const dropped = decideJet(decision.next, { type: "drop_target", why, message }, deps.clock.now());
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
    const id = hopId(target);
    const asked = {
      ...(await factsOf(deps, jet, target.user, action?.reference, target.at)),
      expired: false,
    };
    const facts = await withRequirements(deps, jet, template, { id, action: action?.reference ?? "" }, asked);
    return facts.waits === true ? undefined : { type: "hop", id, template, facts };
  }
  const asked = await factsOf(
    deps,
    jet,
    head?.user ?? "",
    head?.action,
    head?.at,
    head?.force === true || head?.variables !== undefined,
  );
  const facts = head === undefined ? asked : await withRequirements(deps, jet, template, head, asked);
  return facts.waits === true ? undefined : { type: "next", template, facts };
}

/** Templates without any cost nothing here. */
const withRequirements = async (
  deps: Deps,
  jet: JetRecord,
  template: TemplateDefinition,
  asked: AskedAction,
  facts: TriggerFacts,
): Promise<TriggerFacts> =>
  template.requires.length === 0 ? facts : meetRequirements(deps, jet, template, asked, facts);

async function factsOf(
  deps: Deps,
  jet: JetRecord,
  user: string,
  action: string | undefined,
  askedAt: string | undefined,
  /** Where it asks for what takes the right to change the jet. */
  isManaging = false,
): Promise<TriggerFacts> {
  const { reference } = jet;
  const checks: AccessCheck[] = [
    ...(action === undefined ? [] : [{ operation: "trigger" as const, user, jet: reference, action }]),
    ...(isManaging ? [{ operation: "jet.update" as const, user, jet: reference }] : []),
  ];
  const access = (await askAccess(deps, checks)).find(({ allow }) => !allow) ?? { allow: true as const };
  return {
    access,
    expired: askedAt !== undefined && deps.clock.now() - Date.parse(askedAt) > TRIGGER_EXPIRES_MS,
  };
}
