import type { ActionRecord, JournalEntry, WorkflowStep } from "@jetmesh/protocol";
import { clockTime, formatDuration } from "./table.ts";

/**
 * Lines for what is new in an action's record: steps that have ended, and transitions out of the ordinary (it waits,
 * it was paused, it goes again). The ordinary ones are told by the jet.
 */
export function progressLines(before: ActionRecord | undefined, after: ActionRecord): string[] {
  const lines: { readonly at: string; readonly text: string }[] = [];
  for (const { to, at, attempt, why } of after.transitions.slice(before?.transitions.length ?? 0)) {
    const isOrdinary = ["EXECUTING_MAIN", "SUCCESS", "ERROR", "CLOSED"].includes(to);
    if (isOrdinary || (to === "SLEEPING" && attempt === 1)) continue;
    const times = attempt > 1 ? `, attempt ${attempt}` : "";
    lines.push({ at, text: `${to}${times}${why === undefined ? "" : ` (${why})`}` });
  }
  for (const [index, entry] of after.journal.entries()) {
    if (entry.endedAt === undefined || before?.journal[index]?.endedAt !== undefined) continue;
    lines.push({ at: entry.endedAt, text: formatStep(entry) });
  }
  return lines.sort((a, b) => (a.at < b.at ? -1 : 1)).map(({ at, text }) => `${clockTime(at)}    ${text}`);
}

/** `step launch  SUCCESS after 0.31 s` */
export function formatStep(entry: JournalEntry): string {
  const { reference, startedAt, endedAt, outcome, tries, error } = entry;
  if (endedAt === undefined) return `step ${reference}  open since ${clockTime(startedAt)}`;
  const took = formatDuration(Date.parse(endedAt) - Date.parse(startedAt));
  const again = tries !== undefined && tries > 1 ? `, ${tries} tries` : "";
  return `step ${reference}  ${outcome ?? "ended"} after ${took}${again}${error === undefined ? "" : `: ${error.message}`}`;
}

/** `build  SUCCESS after 0.31 s  build 0123…`, of a workflow */
export function formatWorkflowStep({ ref, what, of, child, at, until, end }: WorkflowStep): string {
  const does = [what === "action" ? "" : what, of === ref ? "" : (of ?? ""), child ?? ""]
    .filter(Boolean)
    .join(" ");
  const waits = until === undefined ? `open since ${clockTime(at)}` : `until ${clockTime(until)}`;
  const how =
    end === undefined
      ? waits
      : `${end.outcome} after ${formatDuration(Date.parse(end.at) - Date.parse(at))}${end.error === undefined ? "" : `: ${end.error.message}`}`;
  return `step ${ref}  ${how}${does === "" ? "" : `  (${does})`}`;
}
