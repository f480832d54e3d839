import type { JetRecord, TemplateDefinition } from "@jetmesh/protocol";
import { type Now, toInstant } from "./instants.ts";

/** The incarnation of a jet read at a revision: its own, or that revision where this is its first write. */
export const incarnationOf = (jet: JetRecord, revision: number): number =>
  jet.incarnation === 0 ? revision : jet.incarnation;

export interface NewJet {
  readonly reference: string;
  readonly name: string;
  readonly template: Pick<TemplateDefinition, "reference">;
  readonly users: readonly string[];
  readonly managers: readonly string[];
  readonly pool?: string | undefined;
  readonly variables: JetRecord["variables"];
}

/** A jet that has no state yet. */
export function newJet(given: NewJet, now: Now): JetRecord {
  return {
    v: 1,
    reference: given.reference,
    name: given.name,
    template: given.template.reference,
    queue: [],
    recent: [],
    incarnation: 0,
    users: [...new Set(given.users)],
    managers: [...new Set(given.managers)],
    ...(given.pool === undefined ? {} : { pool: given.pool }),
    variables: given.variables,
    createdAt: toInstant(now),
    changedAt: toInstant(now),
  };
}
