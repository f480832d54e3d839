import type { EventName, Situation } from "../action-situations.ts";
import {
  ALL_SAID,
  EXPIRES,
  late,
  mainBy,
  PAUSES,
  RESUMES,
  type Row,
  refused,
  rollbackBy,
  saidBy,
  signsBy,
  table,
  to,
  unchanged,
  watcherBy,
} from "./row.ts";

/** SUCCESS, ERROR, CLOSED, REVERTING and REVERTED. */
const WITHOUT_EFFECT: EventName[] = [
  ...RESUMES,
  ...PAUSES,
  "unpause",
  "cancel",
  ...EXPIRES,
  "nothing to run",
];

const over = (when: Situation): Row[] =>
  table(when, [
    [ALL_SAID, late, "late"],
    [WITHOUT_EFFECT, unchanged("ended")],
  ]);

const ended = (when: Situation): Row[] => [
  ...over(when),
  ...table(when, [["rollback", unchanged("not_ended")]]),
];

const ENDED: Row[] = [
  ...ended("SUCCESS"),
  ...table("SUCCESS", [["owner told", to("CLOSED", [], { expiry: "closed" }), "told"]]),
  ...ended("ERROR"),
  ...table("ERROR", [["owner told", to("CLOSED", [], { expiry: "closed" }), "told"]]),
  ...over("CLOSED, no rollback possible"),
  ...table("CLOSED, no rollback possible", [
    ["owner told", unchanged("already"), "gone"],
    ["rollback", refused("conflict"), "gone"],
  ]),
  ...over("CLOSED, rollback possible"),
  ...table("CLOSED, rollback possible", [
    ["owner told", unchanged("already")],
    ["rollback", to("REVERTING", ["resume"]), "rollback"],
  ]),
  ...over("REVERTED"),
  ...table("REVERTED", [[["rollback", "owner told"], unchanged("already")]]),
];

const closedAgain = (code: string) => to("CLOSED", ["tell"], { code, expiry: "rollback_window" });
const interrupted = closedAgain("rollback_interrupted");

const reverting = (when: Situation): Row[] =>
  table(when, [
    [saidBy("a foreign nonce"), late, "late"],
    [[...mainBy("its holder"), ...watcherBy("its holder")], late],
    [PAUSES, refused("not_pausable")],
    ["unpause", unchanged("not_paused")],
    ["cancel", closedAgain("canceled"), "cancel"],
    [["rollback", "nothing to run"], unchanged("already")],
    ["owner told", unchanged("not_ended")],
  ]);

const unheld = (when: Situation): Row[] => [
  ...reverting(when),
  ...table(when, [[[...rollbackBy("its holder"), ...signsBy("its holder")], late, "late"]]),
];

const held = (when: Situation): Row[] => [
  ...reverting(when),
  ...table(when, [
    ["resume under its own nonce", unchanged("already")],
    ["rollback done by its holder", to("REVERTED", ["tell"], { expiry: "closed" }), "reverted"],
    ["rollback threw by its holder", closedAgain("rollback_threw"), "revertFailed"],
    [signsBy("its holder"), to("REVERTING", [], { held: "rollback" })],
    ["expire", unchanged("nothing_expired")],
  ]),
];

const REVERTING: Row[] = [
  ...unheld("REVERTING, unheld"),
  ...table("REVERTING, unheld", [
    [RESUMES, to("REVERTING", ["run rollback"], { held: "rollback" })],
    [EXPIRES, unchanged("nothing_expired")],
  ]),
  ...unheld("REVERTING, unheld, its delay expired"),
  ...table("REVERTING, unheld, its delay expired", [[[...RESUMES, ...EXPIRES], interrupted, "revertFailed"]]),
  ...held("REVERTING, held"),
  ...table("REVERTING, held", [
    ["resume", unchanged("held")],
    ["resume, holder dead", interrupted, "revertFailed"],
    ["expire, holder dead", unchanged("nothing_expired")],
  ]),
  ...held("REVERTING, held, its delay expired"),
  ...table("REVERTING, held, its delay expired", [
    [["resume", "resume, holder dead", "expire, holder dead"], interrupted, "revertFailed"],
  ]),
];

export const AFTER_THE_OUTCOME: Row[] = [...ENDED, ...REVERTING];
