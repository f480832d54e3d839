import { type ActionEvent, decideAction } from "@jetmesh/lifecycle";
import type { ActionCommand, ActionRecord, ChangedAction, Claim } from "@jetmesh/protocol";
import { askHolder, judgeHolder, RefusedError } from "@jetmesh/service-kit";
import type { Deps } from "./deps.ts";
import { followUp } from "./follow-up.ts";

/**
 * Pauses, resumes or cancels an action for a user (design §2). What a runner holds only that runner writes: it is asked.
 * For a holder that is dead or silent, and for actions that nobody holds, the state-store writes, so that a cancel works
 * without any runner; what such a holder still writes is refused by its revision. Asked twice it is the same: the second
 * finds what the first led to.
 */
interface Asked {
  readonly user: string;
  readonly id: string;
  readonly command: ActionCommand;
  /** Why it is canceled; by whom, where it is not said. */
  readonly message?: string;
  /** Of a cancel: also where that leaves out what always runs. */
  readonly force?: boolean | undefined;
}

/** Lost races for one action: whoever asks is told to ask again. */
const MOST_TRIES = 10;
/** A holder answers a cancel when what it runs has ended, for which it has eight seconds. */
const CANCEL_MS = 10_000;
const SILENT_MS = 5_000;
const CLAIMING_MS = 50;
/** What a dead runner ran has ended by then (design §2). */
const GUARD_MS = 5_000;

export async function changeAction(deps: Deps, asked: Asked): Promise<ChangedAction> {
  for (let tries = 0; tries < MOST_TRIES; tries += 1) {
    const stored = await deps.store.actions.get(asked.id);
    if (stored.kind !== "record") throw new RefusedError("unknown_run", `there is no action ${asked.id}`);
    const { value: record, revision } = stored;
    if (IS_SO[asked.command](record, asked)) return { action: record };
    // What is being ended is not paused, whoever holds it.
    const isForHolder = asked.command === "cancel" || (asked.command === "pause" && record.cut === undefined);
    if (record.claim !== undefined && isForHolder) {
      const answer = await askToChange(deps, asked, record.claim);
      if (answer === "pausing") return { action: record, pausing: true };
      if (answer === "again") continue;
    }
    const changed = await write(deps, asked, record, revision);
    if (changed !== undefined) return { action: changed };
  }
  throw new RefusedError("conflict", "others changed it at the same time, again and again");
}

/** "ours": nobody who lives holds it. */
async function askToChange(
  deps: Deps,
  { user, id, command, message, force }: Asked,
  claim: Claim,
): Promise<"pausing" | "again" | "ours"> {
  const { runner, nonce } = claim;
  const question =
    command === "cancel"
      ? ({ v: 1, ask: "cancel", id, nonce, message: message ?? canceledBy(user), force } as const)
      : ({ v: 1, ask: "pause", id, nonce } as const);
  const answer = await askHolder(deps, runner, question, command === "cancel" ? CANCEL_MS : SILENT_MS);
  switch (answer) {
    case "pausing":
      return "pausing";
    // What it wrote is read: its end, or that it is cut and goes on with what always runs.
    case "ended":
    case "noted":
      return "again";
    // Its claim is on its way, and it does not know yet whether it has it.
    case "full":
    case "holding":
      await wait(CLAIMING_MS);
      return "again";
    case "not_mine":
      return "ours";
    case "silent":
      if (command === "cancel") return "ours";
      throw new RefusedError("unavailable", `its runner ${runner} does not answer`);
    case "nobody":
      if ((await judgeHolder(deps, id, claim)) !== "dead") return "again";
      // Its guard ends what it ran (ADR 0009).
      await wait(GUARD_MS);
      return "ours";
  }
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Gives the record as it is then; nothing where somebody else wrote it meanwhile. */
async function write(
  deps: Deps,
  asked: Asked,
  record: ActionRecord,
  revision: number,
): Promise<ActionRecord | undefined> {
  const { user, id, command } = asked;
  const decision = decideAction(record, EVENTS[command](asked), deps.clock.now());
  if (decision.kind === "unchanged")
    throw new RefusedError(CODES[command], `${command} changes nothing: the action is ${record.state}`);
  if (decision.kind === "refused") throw new RefusedError(decision.code, decision.message);
  if (decision.kind === "late") return undefined;
  const { next, effects } = decision;
  const written = await deps.store.actions.swap(id, next, revision, { point: "action.command" });
  if (written.kind === "conflict") return undefined;
  deps.log.info({ action: id, user, command, state: next.state }, "changed an action");
  await followUp(deps, { record: next, revision: written.revision }, effects);
  return next;
}

const canceledBy = (user: string): string => `canceled by ${user}`;

const EVENTS: Readonly<Record<ActionCommand, (asked: Asked) => ActionEvent>> = {
  // What somebody holds only its holder pauses, between two steps: that is refused here.
  pause: () => ({ type: "pause" }),
  resume: () => ({ type: "unpause" }),
  cancel: ({ user, message = canceledBy(user), force }) => ({
    type: force === true ? "cancel" : "cut",
    why: "canceled",
    message,
  }),
};

/** Whether it is what the command would make of it. */
const IS_SO: Readonly<Record<ActionCommand, (record: ActionRecord, asked: Asked) => boolean>> = {
  pause: ({ state }) => state === "PAUSED",
  resume: ({ state }) => state === "SLEEPING" || state === "EXECUTING_MAIN" || state === "IN_PROGRESS",
  cancel: ({ error, cut, state }, { force }) =>
    state !== "REVERTING" && (error ?? (force === true ? undefined : cut?.error))?.code === "canceled",
};

const CODES = { pause: "not_pausable", resume: "conflict", cancel: "not_cancelable" } as const;
