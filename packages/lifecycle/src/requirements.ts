import {
  type Hold,
  type JetActionDefinition,
  type JetRecord,
  MAX_HELD_BY,
  type Requirement,
  type TemplateDefinition,
} from "@jetmesh/protocol";
import { match } from "ts-pattern";
import { findPath } from "./template-actions.ts";

/**
 * Conditions across records (design §3), as far as they are decided: which jet of a required template is taken, and how
 * long it is held. The writes that make it so are the state-store's (ADR 0026).
 *
 *   R1  a jet is held only while it is at rest in the required state, or is on its way there for whoever holds it
 *   R2  nobody is moved away from a state that somebody else requires
 */

/** Whether an action asks for a requirement: those that it names do, and all where it names none. */
export const isCheckedBy = ({ actions }: Requirement, action: string): boolean =>
  actions.length === 0 || actions.includes(action);

/** The states in which a jet goes on requiring: those to which the checking actions lead. */
export const statesThatRequire = (template: TemplateDefinition, requirement: Requirement): string[] => [
  ...new Set(
    template.actions
      .filter(({ reference }) => isCheckedBy(requirement, reference))
      .flatMap(({ to }) => (to === undefined ? [] : [to])),
  ),
];

/** Which requirements an action of a template asks for. */
export const requirementsOf = (
  template: TemplateDefinition,
  action: Pick<JetActionDefinition, "reference">,
): Requirement[] => template.requires.filter((requirement) => isCheckedBy(requirement, action.reference));

/** Who asks for a required jet: a jet, by a trigger. */
export interface Requirer {
  readonly jet: string;
  readonly trigger: string;
  /** The jet that it holds for this requirement already. */
  readonly holds?: string | undefined;
}

export type Choice =
  /** This jet is in the required state: held, the requirement is met. */
  | { readonly kind: "met"; readonly jet: string }
  /** This one is idle and can be brought there. */
  | { readonly kind: "bring"; readonly jet: string }
  /** One is on its way there, or is busy and may be brought there afterwards. */
  | { readonly kind: "wait" }
  | { readonly kind: "unmet" };

type Standing = "met" | "on its way" | "can be brought" | "busy" | "of no use";

/**
 * Chooses among the jets of the required template: the one that is held already before others, then by reference, so that
 * whoever decides again decides the same. None is made for it, and none is taken from where others require it.
 */
export function chooseRequired(
  requirement: Requirement,
  template: TemplateDefinition,
  candidates: readonly JetRecord[],
  requirer: Requirer,
): Choice {
  const rank = ({ reference }: JetRecord): number => (reference === requirer.holds ? 0 : 1);
  const standings = candidates
    .filter((jet) => jet.template === requirement.template && jet.destroyedAt === undefined)
    .toSorted((a, b) => rank(a) - rank(b) || (a.reference < b.reference ? -1 : 1))
    .map((jet) => ({ jet, standing: standingOf(requirement, template, jet, requirer) }));
  const first = (wanted: Standing): JetRecord | undefined =>
    standings.find(({ standing }) => standing === wanted)?.jet;
  const met = first("met");
  if (met !== undefined) return { kind: "met", jet: met.reference };
  return match(requirement.otherwise)
    .with("refuse", (): Choice => ({ kind: "unmet" }))
    .with("bring", (): Choice => {
      if (first("on its way") !== undefined) return { kind: "wait" };
      const idle = first("can be brought");
      if (idle !== undefined) return { kind: "bring", jet: idle.reference };
      return { kind: first("busy") === undefined ? "unmet" : "wait" };
    })
    .exhaustive();
}

function standingOf(
  requirement: Requirement,
  template: TemplateDefinition,
  jet: JetRecord,
  requirer: Requirer,
): Standing {
  const { state } = requirement;
  const isIdle = jet.open === undefined && jet.target === undefined && jet.queue.length === 0;
  const others = (jet.heldBy ?? []).filter((hold) => hold.jet !== requirer.jet);
  if (others.length >= MAX_HELD_BY) return "of no use";
  if (jet.open === undefined && jet.state === state) return "met";
  if (jet.target?.state === state) return "on its way";
  if (others.some((hold) => hold.state !== state)) return "of no use";
  if (!isIdle) return "busy";
  // Asked for by this very trigger, it has come to rest somewhere else: bringing it has failed.
  if ((jet.heldBy ?? []).some(({ jet: by, id }) => by === requirer.jet && id === requirer.trigger))
    return "of no use";
  return findPath(template, jet.state, state) === undefined ? "of no use" : "can be brought";
}

/** Whether an action that ends in `to` would take a jet from where others require it. */
export const leavesHold = (jet: Pick<JetRecord, "heldBy">, to: string | undefined): boolean =>
  jet.heldBy?.some(({ state }) => state !== to) === true;

/** What a jet goes on holding once it rests in a state, and what it lets go. */
export function holdsAtRest(
  holds: readonly Hold[] | undefined,
  state: string | undefined,
): { readonly kept: readonly Hold[]; readonly released: readonly Hold[] } {
  const isKept = ({ while: states }: Hold): boolean => state !== undefined && states.includes(state);
  const all = holds ?? [];
  return { kept: all.filter(isKept), released: all.filter((hold) => !isKept(hold)) };
}

/** A jet with these holds; none leaves no trace in its record. */
export function withHolds<T extends Pick<JetRecord, "holds">>(jet: T, holds: readonly Hold[]): T {
  if (holds.length === 0 && jet.holds === undefined) return jet;
  const { holds: _before, ...rest } = jet;
  return (holds.length === 0 ? rest : { ...rest, holds: [...holds] }) as T;
}

/** Names of templates in a circle that begins and ends with this one, where there is one. */
export function requirementCycle(
  start: string,
  requiresOf: (template: string) => readonly string[],
): string[] | undefined {
  const seen = new Set<string>();
  let front: string[][] = [[start]];
  while (front.length > 0) {
    const next: string[][] = [];
    for (const way of front) {
      for (const required of requiresOf(way.at(-1) ?? start)) {
        if (required === start) return [...way, start];
        if (seen.has(required)) continue;
        seen.add(required);
        next.push([...way, required]);
      }
    }
    front = next;
  }
  return undefined;
}
