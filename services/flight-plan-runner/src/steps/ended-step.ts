import { toInstant } from "@jetmesh/lifecycle";
import type { ActionError, JournalEntry, JsonObject } from "@jetmesh/protocol";
import type { StepResult } from "./step-context.ts";

/** The entry of a step that has run to its end. */
export function endEntry(open: JournalEntry, result: StepResult, now: number): JournalEntry {
  const { outcome, tries, exitCode, status } = result;
  return {
    ...open,
    endedAt: toInstant(now),
    outcome,
    tries,
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(status === undefined ? {} : { status }),
    ...(result.outcome === "ERROR" ? { error: result.error } : {}),
    ...(result.outcome === "SUCCESS" && result.outputs !== undefined ? { outputs: result.outputs } : {}),
  };
}

/** The entry of a step that waited, with what it brought or why it failed. */
export const endWaiting = (
  open: JournalEntry,
  end: { readonly outputs?: JsonObject } | { readonly error: ActionError },
  now: number,
): JournalEntry => ({
  ...open,
  endedAt: toInstant(now),
  outcome: "error" in end ? "ERROR" : "SUCCESS",
  ...end,
});
