import { MeshError } from "@jetmesh/client";
import { BrokerError, ensureError, ShardsError, UnavailableError } from "@jetmesh/storage";
import { CommanderError } from "commander";

/** What a script can tell apart (design §5). */
export const EXIT = { done: 0, failed: 1, usage: 2, unreachable: 3 } as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The command line itself is wrong: a file that is not there, an option that makes no sense. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The mesh did what it was asked and it came out badly, or something of this machine stands in the way. */
export class FailedError extends Error {
  override readonly name = "FailedError";
  readonly code: string;
  readonly details: unknown;

  constructor(message: string, { code = "failed", details }: { code?: string; details?: unknown } = {}) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

export interface Report {
  readonly exitCode: ExitCode;
  readonly code: string;
  readonly message: string;
  /** What to do about it, where the message does not say. */
  readonly remedy?: string;
  readonly details?: unknown;
}

/** The one place where an error becomes an exit code and a message. Undefined where there is nothing to say. */
export function reportOf(thrown: unknown): Report | undefined {
  const error = ensureError(thrown);
  const { message } = error;
  if (error instanceof CommanderError) {
    // Help and versions were asked for; every other one has been written by commander already.
    if (["commander.helpDisplayed", "commander.version"].includes(error.code)) return undefined;
    return { exitCode: EXIT.usage, code: "usage", message: "" };
  }
  if (error instanceof UsageError) return { exitCode: EXIT.usage, code: "usage", message };
  if (error instanceof FailedError) {
    const { code, details } = error;
    return { exitCode: EXIT.failed, code, message, ...(details === undefined ? {} : { details }) };
  }
  if (error instanceof UnavailableError) {
    const remedy = message.includes("\n") ? {} : { remedy: "`jm doctor` shows what is missing" };
    return { exitCode: EXIT.unreachable, code: "unavailable", message, ...remedy };
  }
  if (error instanceof MeshError) {
    const { code, details } = error;
    const exitCode = code === "unavailable" ? EXIT.unreachable : EXIT.failed;
    const remedy = REMEDIES[code];
    return {
      exitCode,
      code,
      message,
      ...(remedy === undefined ? {} : { remedy }),
      ...(details === undefined ? {} : { details }),
    };
  }
  if (error instanceof ShardsError) return { exitCode: EXIT.failed, code: "shards", message };
  if (error instanceof BrokerError) return { exitCode: EXIT.failed, code: "broker", message };
  return { exitCode: EXIT.failed, code: "internal", message: error.stack ?? message };
}

const UNSEEN = "bring it with `jm apply -f FILE`; what you may not see is not there for you: ask with --user";

/** What to do about a refusal, for those where the message of the mesh does not say it already. */
const REMEDIES: Readonly<Record<string, string>> = {
  forbidden: "ask as another user with --user, or ask for the right",
  unknown_jet: "`jm jet list` shows those that you may see",
  unknown_template: UNSEEN,
  unknown_state: UNSEEN,
  unknown_plan: UNSEEN,
  unknown_user: UNSEEN,
  unknown_limit: "`jm limit list` shows those that there are",
  unknown_schedule: "`jm schedule list` shows those that you may see",
  unknown_action: "`jm jet actions JET` shows those that can be triggered now",
  unknown_run: "`jm action list` shows those that there are; closed ones go after a day",
  unknown_letter:
    "`jm dead list` shows those that there are; they go after 30 days, and when they are replayed",
  not_replayable: "`jm dead show SEQ` shows what is kept of it",
  jet_busy: "wait until it has ended (`jm watch JET`), or take your turn with --queue",
  in_use: "stop those that require it first, or add --force as one of its managers",
  requirement_unmet:
    "bring one of the required template to that state first, or let `otherwise: bring` do it",
  limit_reached: "destroy one of the template's jets, or raise its limit",
  action_not_available: "`jm jet actions JET` shows those that can be triggered now",
  already_exists: "choose another reference",
  wait_timeout: "`jm action get ID` shows it; wait longer with --timeout",
  overloaded: "try again in a moment",
  queue_full: "try again once some have ended",
  internal: "the logs of the services say more; under `jm up` they are in its store, below logs",
};
