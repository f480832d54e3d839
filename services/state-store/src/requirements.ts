import {
  type Choice,
  chooseRequired,
  findAction,
  leavesHold,
  requirementsOf,
  statesThatRequire,
  type TriggerFacts,
} from "@jetmesh/lifecycle";
import type { AcceptedTrigger, Hold, JetRecord, Requirement, TemplateDefinition } from "@jetmesh/protocol";
import { scanNewest } from "@jetmesh/storage";
import type { Deps } from "./deps.ts";
import { bringUp, takeHold } from "./holds.ts";

export interface AskedAction {
  /** Of the trigger that waits or begins. */
  readonly id: string;
  readonly action: string;
  readonly force?: AcceptedTrigger["force"];
}

/** A required jet that is moved between the choice and the hold is chosen again so often. */
const MAX_TRIES = 5;

/**
 * Adds to the facts of a trigger what its template requires: the jets that it holds from now on, or that it waits until
 * one is brought up, or what is not met. Asked only for what would begin; the holds are taken here, before the jet's own
 * write, and are nobody's where that is not made (ADR 0026).
 */
export async function meetRequirements(
  deps: Deps,
  jet: JetRecord,
  template: TemplateDefinition,
  asked: AskedAction,
  facts: TriggerFacts,
): Promise<TriggerFacts> {
  const action = findAction(template, asked.action);
  if (action === undefined || !facts.access.allow || facts.expired) return facts;
  const isFirst = jet.queue.length === 0 || jet.queue[0]?.id === asked.id || jet.target !== undefined;
  if (jet.open !== undefined || action.from !== jet.state || !isFirst) return facts;
  if (leavesHold(jet, action.to) && asked.force !== true) return facts;
  const needed = requirementsOf(template, action);
  if (needed.length === 0) return facts;
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const chosen = await Promise.all(
      needed.map(async (requirement) => ({
        requirement,
        ...(await choose(deps, jet, requirement, asked.id)),
      })),
    );
    const unmet = chosen.find(({ choice }) => choice.kind === "unmet");
    if (unmet !== undefined) return { ...facts, unmet: unmetMessage(jet, unmet.requirement) };
    const holder = { jet: jet.reference, id: asked.id };
    if (chosen.some(({ choice }) => choice.kind !== "met")) {
      for (const { choice, requirement, of } of chosen)
        if (choice.kind === "bring" && of !== undefined)
          await bringUp(deps, choice.jet, requirement, of, holder);
      return { ...facts, waits: true };
    }
    const holds: Hold[] = [];
    for (const { choice, requirement } of chosen) {
      if (choice.kind !== "met" || !(await takeHold(deps, choice.jet, requirement, holder))) break;
      const { template: of, state } = requirement;
      const states = statesThatRequire(template, requirement);
      holds.push({ template: of, jet: choice.jet, state, id: asked.id, while: states });
    }
    if (holds.length < chosen.length) continue;
    const others = (jet.holds ?? []).filter((hold) => !holds.some((one) => one.template === hold.template));
    return { ...facts, holds: [...others, ...holds] };
  }
  return { ...facts, unmet: "what the jet requires is moved too often just now" };
}

/** Without names: the asker may see neither the other template nor its jets. */
const unmetMessage = ({ reference }: JetRecord, { state }: Requirement): string =>
  `jet '${reference}' requires another in state '${state}', and there is none that it could have`;

interface Chosen {
  readonly choice: Choice;
  /** The required template; undefined where it is gone. */
  readonly of: TemplateDefinition | undefined;
}

async function choose(
  deps: Deps,
  jet: JetRecord,
  requirement: Requirement,
  trigger: string,
): Promise<Chosen> {
  const of = await deps.definitions.template(requirement.template, false);
  if (of === undefined) return { choice: { kind: "unmet" }, of };
  const holds = jet.holds?.find(({ template }) => template === requirement.template)?.jet;
  const requirer = { jet: jet.reference, trigger, holds };
  const decide = (candidates: readonly JetRecord[]): Choice =>
    chooseRequired(requirement, of, candidates, requirer);
  if (holds !== undefined) {
    const choice = decide(await fromLeader(deps, [holds]));
    if (choice.kind === "met") return { choice, of };
  }
  const found = await jetsOf(deps, requirement.template);
  const choice = decide(found);
  if (choice.kind === "met") return { choice, of };
  // A refusal rests on what the leader has, not on what came by a consumer.
  return {
    choice: decide(
      await fromLeader(
        deps,
        found.map(({ reference }) => reference),
      ),
    ),
    of,
  };
}

const AT_ONCE = 64;

async function fromLeader(
  { store }: Pick<Deps, "store">,
  references: readonly string[],
): Promise<JetRecord[]> {
  const found: JetRecord[] = [];
  for (let at = 0; at < references.length; at += AT_ONCE) {
    const stored = await Promise.all(references.slice(at, at + AT_ONCE).map((one) => store.jets.get(one)));
    found.push(...stored.flatMap((one) => (one.kind === "record" ? [one.value] : [])));
  }
  return found;
}

/** More of one template than this are not looked at. */
const MOST_CANDIDATES = 2_000;

async function jetsOf({ connection, names, store }: Deps, template: string): Promise<JetRecord[]> {
  const found = await scanNewest(connection, names, names.buckets.jets, MOST_CANDIDATES, ({ data }) => {
    const stored = store.jets.parse(data);
    const isCandidate =
      stored.kind === "record" &&
      stored.value.template === template &&
      stored.value.destroyedAt === undefined;
    return isCandidate ? stored.value : undefined;
  });
  return [...found.values()];
}
