import type { ActionRecord } from "@jetmesh/protocol";

/** How something ended, and with what. */
export interface Ending {
  readonly outcome: "SUCCESS" | "ERROR";
  readonly result?: ActionRecord["result"];
  readonly error?: ActionRecord["error"];
}

/** Of an action that has ended, or of anything that says as much, with nothing beside it. */
export const endingOf = ({
  outcome = "ERROR",
  result,
  error,
}: Pick<ActionRecord, "outcome" | "result" | "error">): Ending => ({
  outcome,
  ...(result === undefined ? {} : { result }),
  ...(error === undefined ? {} : { error }),
});
