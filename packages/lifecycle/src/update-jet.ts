import type { JetRecord } from "@jetmesh/protocol";
import { type Now, toInstant } from "./instants.ts";
import { isGone, unchanged, unknownJet } from "./jet-decisions.ts";
import type { JetDecision, JetUpdate } from "./jet-events.ts";

/** Also while an action is open, which goes on by what it was made with. */
export function updateJet(jet: JetRecord, change: JetUpdate, now: Now): JetDecision {
  if (isGone(jet)) return unknownJet(jet);
  const { pool: before, ...rest } = jet;
  const pool = change.pool === undefined ? before : (change.pool ?? undefined);
  const next: JetRecord = {
    ...rest,
    name: change.name ?? jet.name,
    users: change.users === undefined ? jet.users : [...new Set(change.users)],
    managers: change.managers === undefined ? jet.managers : [...new Set(change.managers)],
    variables: change.variables ?? jet.variables,
    ...(pool === undefined ? {} : { pool }),
  };
  if (isSame(jet, next)) return unchanged("same");
  return { kind: "write", next: { ...next, changedAt: toInstant(now) }, effects: [] };
}

const isSame = (jet: JetRecord, next: JetRecord): boolean =>
  (["name", "users", "managers", "variables", "pool"] as const).every(
    (key) => JSON.stringify(jet[key]) === JSON.stringify(next[key]),
  );
