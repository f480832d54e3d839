import type { Situation } from "../action-situations.ts";
import {
  ALL_SAID,
  canceled,
  type DesignRow,
  EXPIRES,
  failed,
  late,
  mainBy,
  PAUSES,
  RESUMES,
  type Row,
  refused,
  rollbackBy,
  STALE_PAUSES,
  saidBy,
  table,
  to,
  unchanged,
  watcherBy,
} from "./row.ts";

/** SLEEPING, EXECUTING_MAIN and PAUSED. */
const notEnded = unchanged("not_ended");

const asleep = (when: Situation): Row[] =>
  table(when, [
    [ALL_SAID, late, "late"],
    ["pause by a user", to("PAUSED"), "pause"],
    [STALE_PAUSES, refused("not_pausable")],
    ["unpause", unchanged("not_paused")],
    ["cancel", canceled, "cancel"],
    ["nothing to run", to("SUCCESS", ["tell"])],
    [["owner told", "rollback"], notEnded],
  ]);

const claimed = to("EXECUTING_MAIN", ["run main"], { held: "main" });
const startTimeout = failed("start_timeout");
const deadline = failed("deadline_exceeded");

const SLEEPING: Row[] = [
  ...asleep("SLEEPING, fresh"),
  ...table("SLEEPING, fresh", [
    [RESUMES, claimed, "resumeWon"],
    [EXPIRES, unchanged("nothing_expired")],
  ]),
  ...asleep("SLEEPING, before its notBefore"),
  ...table("SLEEPING, before its notBefore", [
    [RESUMES, unchanged("not_due")],
    [EXPIRES, unchanged("nothing_expired")],
  ]),
  ...asleep("SLEEPING, its start delay expired"),
  ...table("SLEEPING, its start delay expired", [[[...RESUMES, ...EXPIRES], startTimeout, "startTimeout"]]),
  ...asleep("SLEEPING, its deadline passed"),
  ...table("SLEEPING, its deadline passed", [[[...RESUMES, ...EXPIRES], deadline, "deadline"]]),
  ...(["SLEEPING, waiting for slots", "SLEEPING, waiting for slots before its notBefore"] as const).flatMap(
    (when) => [
      ...asleep(when),
      ...table(when, [
        [RESUMES, unchanged("no_slot")],
        [EXPIRES, unchanged("nothing_expired")],
      ]),
    ],
  ),
  ...asleep("SLEEPING, waiting for slots, its deadline passed"),
  ...table("SLEEPING, waiting for slots, its deadline passed", [
    [[...RESUMES, ...EXPIRES], deadline, "deadline"],
  ]),
  ...asleep("SLEEPING, with its slots"),
  ...table("SLEEPING, with its slots", [
    [RESUMES, claimed, "resumeWon"],
    [EXPIRES, unchanged("nothing_expired")],
  ]),
];

const takenOver = to("EXECUTING_MAIN", ["abort runner-1", "run watcher"], { held: "watcher" });

const executing = (when: Situation): Row[] =>
  table(when, [
    [saidBy("a foreign nonce"), late, "late"],
    [rollbackBy("its holder"), late],
    ["resume under its own nonce", unchanged("already")],
    [["pause by a user", "pause by a foreign nonce"], refused("not_pausable")],
    ["unpause", unchanged("not_paused")],
    ["cancel", canceled, "cancel"],
    [["expire", "nothing to run"], unchanged("held")],
    [["owner told", "rollback"], notEnded],
  ]);

const mainRunning = (when: Situation): Row[] => [
  ...executing(when),
  ...table(when, [
    ["main SUCCESS by its holder", to("SUCCESS", ["tell"]), "mainReturned"],
    ["main ERROR by its holder", failed("main_threw"), "mainReturned"],
    ["main threw by its holder", failed("main_threw"), "mainThrew"],
    [
      "main IN_PROGRESS by its holder",
      to("IN_PROGRESS", ["run watcher"], { held: "watcher" }),
      "mainReturned",
    ],
    ["main IN_PROGRESS until later by its holder", to("IN_PROGRESS"), "mainReturned"],
    [watcherBy("its holder"), late],
    [["progressed by its holder", "heartbeat by its holder"], to("EXECUTING_MAIN", [], { held: "main" })],
    ["pause by its holder", to("PAUSED"), "pauseMain"],
  ]),
];

const watcherAsked = (when: Situation): Row[] => [
  ...executing(when),
  ...table(when, [
    [mainBy("its holder"), late],
    ["watcher SUCCESS by its holder", to("SUCCESS", ["tell"]), "takenOverAnswer"],
    ["watcher ERROR by its holder", failed("main_threw"), "takenOverAnswer"],
    [
      ["watcher IN_PROGRESS by its holder", "watcher IN_PROGRESS until later by its holder"],
      to("IN_PROGRESS"),
      "takenOverAnswer",
    ],
    ["watcher SLEEPING by its holder", to("SLEEPING", ["resume"], { attempt: 2 }), "takenOverAnswer"],
    ["watcher PAUSED by its holder", to("PAUSED"), "takenOverAnswer"],
    ["watcher threw by its holder", failed("main_timeout"), "takenOverThrew"],
    ["progressed by its holder", to("EXECUTING_MAIN", [], { held: "watcher" })],
    ["heartbeat by its holder", to("EXECUTING_MAIN", [], { held: "watcher" })],
    ["pause by its holder", refused("not_pausable")],
  ]),
];

const whoMayTakeOver = (
  when: Situation,
  byLive: ReturnType<typeof to>,
  byDead: ReturnType<typeof to>,
  cites: DesignRow,
) =>
  table(when, [
    ["resume", byLive, byLive.kind === "write" ? cites : undefined],
    ["resume, holder dead", byDead, cites],
    // Without any runner: a state-store ends what is past its deadline, and nothing else.
    ["expire, holder dead", byDead === deadline ? deadline : unchanged("nothing_expired")],
  ] as const);

const EXECUTING_MAIN: Row[] = [
  ...mainRunning("EXECUTING_MAIN, held"),
  ...whoMayTakeOver("EXECUTING_MAIN, held", unchanged("held"), takenOver, "takenOver"),
  ...mainRunning("EXECUTING_MAIN, its delay expired"),
  ...whoMayTakeOver("EXECUTING_MAIN, its delay expired", takenOver, takenOver, "takenOver"),
  ...mainRunning("EXECUTING_MAIN, delay expired and deadline passed"),
  ...whoMayTakeOver("EXECUTING_MAIN, delay expired and deadline passed", deadline, deadline, "deadline"),
  ...watcherAsked("EXECUTING_MAIN, taken over"),
  ...whoMayTakeOver("EXECUTING_MAIN, taken over", unchanged("held"), takenOver, "takenOver"),
  ...watcherAsked("EXECUTING_MAIN, taken over and expired again"),
  ...whoMayTakeOver("EXECUTING_MAIN, taken over and expired again", takenOver, takenOver, "takenOver"),
];

const paused = (when: Situation): Row[] =>
  table(when, [
    [RESUMES, unchanged("paused")],
    [PAUSES, unchanged("already")],
    [ALL_SAID, late, "late"],
    ["cancel", canceled, "cancel"],
    [[...EXPIRES, "nothing to run"], unchanged("nothing_expired")],
    [["owner told", "rollback"], notEnded],
  ]);

const PAUSED: Row[] = [
  ...paused("PAUSED, from SLEEPING"),
  ...table("PAUSED, from SLEEPING", [["unpause", to("SLEEPING", ["resume"]), "unpause"]]),
  ...paused("PAUSED, from IN_PROGRESS"),
  ...table("PAUSED, from IN_PROGRESS", [["unpause", to("IN_PROGRESS", ["resume"]), "unpause"]]),
];

export const BEFORE_THE_OUTCOME: Row[] = [...SLEEPING, ...EXECUTING_MAIN, ...PAUSED];
