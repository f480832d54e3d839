import type { Situation } from "../action-situations.ts";
import {
  ALL_SAID,
  canceled,
  EXPIRES,
  failed,
  late,
  mainBy,
  RESUMES,
  type Row,
  refused,
  rollbackBy,
  STALE_PAUSES,
  saidBy,
  table,
  to,
  unchanged,
} from "./row.ts";

const always = (when: Situation): Row[] =>
  table(when, [
    [saidBy("a foreign nonce"), late, "late"],
    [rollbackBy("its holder"), late],
    ["unpause", unchanged("not_paused")],
    ["cancel", canceled, "cancel"],
    ["nothing to run", unchanged("already")],
    [["owner told", "rollback"], unchanged("not_ended")],
  ]);

const unheld = (when: Situation): Row[] => [
  ...always(when),
  ...table(when, [
    [ALL_SAID.filter((name) => name.endsWith("its holder") && !name.startsWith("rollback")), late, "late"],
    ["pause by a user", to("PAUSED"), "pause"],
    [STALE_PAUSES, refused("not_pausable")],
  ]),
];

const asked = to("IN_PROGRESS", ["run watcher"], { held: "watcher" });
const askedLast = to("IN_PROGRESS", ["run watcher for the last time"], { held: "watcher" });
const takenOver = to("IN_PROGRESS", ["abort runner-1", "run watcher"], { held: "watcher" });
const takenOverLast = to("IN_PROGRESS", ["abort runner-1", "run watcher for the last time"], {
  held: "watcher",
});
const deadline = failed("deadline_exceeded");

const UNHELD: Row[] = [
  ...unheld("IN_PROGRESS, unheld and due"),
  ...table("IN_PROGRESS, unheld and due", [
    [RESUMES, asked, "watcherDue"],
    [EXPIRES, unchanged("nothing_expired")],
  ]),
  ...unheld("IN_PROGRESS, unheld and not due"),
  ...table("IN_PROGRESS, unheld and not due", [
    [RESUMES, unchanged("not_due")],
    [EXPIRES, unchanged("nothing_expired")],
  ]),
  ...unheld("IN_PROGRESS, unheld, its deadline passed"),
  ...table("IN_PROGRESS, unheld, its deadline passed", [[[...RESUMES, ...EXPIRES], deadline, "deadline"]]),
  ...unheld("IN_PROGRESS, unheld, its delay expired"),
  ...table("IN_PROGRESS, unheld, its delay expired", [
    [RESUMES, askedLast, "lastAsk"],
    [EXPIRES, unchanged("nothing_expired")],
  ]),
];

const stillHeld = to("IN_PROGRESS", [], { held: "watcher" });

const held = (when: Situation): Row[] => [
  ...always(when),
  ...table(when, [
    ["resume", unchanged("held"), "watcherDue"],
    ["resume under its own nonce", unchanged("already")],
    [mainBy("its holder"), unchanged("already")],
    ["progressed by its holder", stillHeld],
    ["heartbeat by its holder", stillHeld, "heartbeat"],
    [["pause by a user", "pause by a foreign nonce"], refused("not_pausable")],
    ["pause by its holder", to("PAUSED"), "pause"],
    ["expire", unchanged("held")],
    ["expire, holder dead", unchanged("nothing_expired")],
  ]),
];

const inTime = (when: Situation): Row[] => [
  ...held(when),
  ...table(when, [
    ["resume, holder dead", takenOver, "watcherDue"],
    ["watcher SUCCESS by its holder", to("SUCCESS", ["tell"]), "watcherState"],
    ["watcher ERROR by its holder", failed("main_threw"), "watcherState"],
    [
      ["watcher IN_PROGRESS by its holder", "watcher IN_PROGRESS until later by its holder"],
      to("IN_PROGRESS"),
      "watcherState",
    ],
    ["watcher SLEEPING by its holder", to("SLEEPING", ["resume"], { attempt: 2 }), "watcherSleeping"],
    ["watcher PAUSED by its holder", to("PAUSED"), "watcherPaused"],
  ]),
];

const timedOut = failed("in_progress_timeout");

const HELD: Row[] = [
  ...inTime("IN_PROGRESS, held"),
  ...table("IN_PROGRESS, held", [["watcher threw by its holder", to("IN_PROGRESS"), "watcherThrew"]]),
  ...inTime("IN_PROGRESS, held, one failure before the last"),
  ...table("IN_PROGRESS, held, one failure before the last", [
    ["watcher threw by its holder", failed("watcher_failed"), "watcherFailed"],
  ]),
  ...held("IN_PROGRESS, held, the last ask"),
  ...table("IN_PROGRESS, held, the last ask", [
    ["resume, holder dead", takenOverLast, "lastAsk"],
    ["watcher SUCCESS by its holder", to("SUCCESS", ["tell"]), "lastAnswer"],
    [
      [
        "watcher ERROR by its holder",
        "watcher IN_PROGRESS by its holder",
        "watcher IN_PROGRESS until later by its holder",
        "watcher SLEEPING by its holder",
        "watcher PAUSED by its holder",
        "watcher threw by its holder",
      ],
      timedOut,
      "lastAnswer",
    ],
  ]),
];

export const IN_PROGRESS: Row[] = [...UNHELD, ...HELD];
