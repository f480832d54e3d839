import { SITUATIONS, type Situation } from "../action-situations.ts";
import { canceled, type Expected, late, type Row, table, to, unchanged } from "./row.ts";

/** Where nothing always runs a cut is a cancel. What is cut is in `action-cut.test.ts`. */
const rows = (when: Situation, byHolder: Expected, open = canceled): Row[] =>
  table(when, [
    ["cut", open, "cancel"],
    ["cut by its holder", byHolder],
    ["cut by a foreign nonce", late],
  ]);

export const CUTS: Row[] = (Object.keys(SITUATIONS) as Situation[]).flatMap((when) => {
  const { state, claim } = SITUATIONS[when] as { state: string; claim?: object };
  switch (state) {
    case "SLEEPING":
    case "PAUSED":
    case "EXECUTING_MAIN":
    case "IN_PROGRESS":
      return rows(when, claim === undefined ? late : canceled);
    case "REVERTING": {
      const failed = to("CLOSED", ["tell"], { code: "canceled", expiry: "rollback_window" });
      return rows(when, claim === undefined ? late : failed, failed);
    }
    default:
      return table(when, [[["cut", "cut by its holder", "cut by a foreign nonce"], unchanged("ended")]]);
  }
});
