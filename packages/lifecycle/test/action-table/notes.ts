import { SITUATIONS, type Situation } from "../action-situations.ts";
import { type Expected, late, type Row, table, to, unchanged } from "./row.ts";

/**
 * What an action is told (ADR 0033): kept by whoever may write the record, and by nobody once it has ended. One that only
 * waits is looked at at once.
 */
const rows = (
  when: Situation,
  bySomebody: Expected,
  byItsHolder: Expected,
  byAStranger = byItsHolder,
): Row[] =>
  table(when, [
    ["noted", bySomebody],
    ["noted by its holder", byItsHolder],
    ["noted by a foreign nonce", byAStranger],
  ]);

export const NOTES: Row[] = (Object.keys(SITUATIONS) as Situation[]).flatMap((when) => {
  const { state, claim } = SITUATIONS[when] as {
    state: string;
    claim?: { runs: "main" | "watcher" | "rollback" };
  };
  switch (state) {
    case "SLEEPING":
    case "PAUSED":
      return rows(when, to(state), late);
    case "EXECUTING_MAIN":
    case "IN_PROGRESS":
      return claim === undefined
        ? rows(when, to(state, ["resume"]), late)
        : rows(when, unchanged("held"), to(state, [], { held: claim.runs }), late);
    default:
      return rows(when, unchanged("ended"), unchanged("ended"));
  }
});
