import { SITUATIONS, type Situation } from "../action-situations.ts";
import { type Expected, failed, type Row, table, to, unchanged } from "./row.ts";

/** That it has its slots (ADR 0039): said of one that waits for them, and once. */
const WAITING: Partial<Record<Situation, Expected>> = {
  "SLEEPING, waiting for slots": to("SLEEPING", ["resume"]),
  "SLEEPING, waiting for slots before its notBefore": unchanged("not_due"),
  "SLEEPING, waiting for slots, its deadline passed": failed("deadline_exceeded"),
};

const OTHERS: Readonly<Record<string, Expected>> = {
  PAUSED: unchanged("paused"),
  SUCCESS: unchanged("ended"),
  ERROR: unchanged("ended"),
  CLOSED: unchanged("ended"),
  REVERTED: unchanged("ended"),
};

export const GRANTS: Row[] = (Object.keys(SITUATIONS) as Situation[]).flatMap((when) =>
  table(when, [["granted", WAITING[when] ?? OTHERS[SITUATIONS[when].state] ?? unchanged("already")]]),
);
