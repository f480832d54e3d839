import type { JetRecord } from "@jetmesh/protocol";
import { clockTime, formatDuration, NO_STATE } from "./table.ts";

/** One step of a jet from state to state; no state = undefined. */
export interface JetChange {
  readonly at: string;
  readonly jet: string;
  readonly from?: string;
  readonly to?: string;
  /** The action that began, or that ended. */
  readonly action?: string;
  /** Set where it ended. */
  readonly outcome?: "SUCCESS" | "ERROR";
  readonly actionId?: string;
  readonly destroyed?: true;
  /** How long the action took, where its beginning was seen. */
  readonly tookMs?: number;
}

/**
 * What happened between two records of a jet. Two changes where the second record is already that of the next
 * action: a queue's settling write begins it at once.
 */
export function jetChanges(before: JetRecord | undefined, after: JetRecord): JetChange[] {
  const { reference: jet } = after;
  const known = before !== undefined && before.destroyedAt === undefined ? before : undefined;
  const changes: JetChange[] = [];
  let from = known?.state;
  const { last } = after;
  if (last !== undefined && last.id !== known?.last?.id) {
    const to = after.open === undefined ? after.state : after.open.from;
    const began = known?.open?.id === last.id ? known.open.at : undefined;
    changes.push({
      at: last.at,
      jet,
      ...(from === undefined ? {} : { from }),
      ...(to === undefined ? {} : { to }),
      action: last.action,
      outcome: last.outcome,
      actionId: last.id,
      ...(after.destroyedAt === undefined ? {} : { destroyed: true as const }),
      ...(began === undefined ? {} : { tookMs: Math.max(0, Date.parse(last.at) - Date.parse(began)) }),
    });
    from = to;
  }
  const { open } = after;
  if (open !== undefined && open.id !== known?.open?.id) {
    const begins = open.from ?? from;
    changes.push({
      at: open.at,
      jet,
      ...(begins === undefined ? {} : { from: begins }),
      ...(after.state === undefined ? {} : { to: after.state }),
      action: open.action,
      actionId: open.id,
    });
  }
  return changes;
}

/** `14:03:07.125  web1  stopped → starting  start` */
export function formatJetChange(change: JetChange): string {
  const { at, jet, from = NO_STATE, to = NO_STATE, action = "", outcome, tookMs, destroyed } = change;
  const target = destroyed === true ? `${NO_STATE} (destroyed)` : to;
  const took = tookMs === undefined ? "" : ` after ${formatDuration(tookMs)}`;
  const ended = outcome === undefined ? "" : `  ${outcome}${took}`;
  return `${clockTime(at)}  ${jet}  ${from} → ${target}  ${action}${ended}`;
}
