import { knowsTrigger } from "@jetmesh/lifecycle";
import { DeadLetter, MESSAGE_ID_HEADER, type Names, type ReplayReply } from "@jetmesh/protocol";
import { actionIdOfMessage, RefusedError } from "@jetmesh/service-kit";
import {
  BrokerError,
  isTransient,
  readMessage,
  removeMessage,
  UnavailableError,
  writeOnce,
} from "@jetmesh/storage";
import type { Deps } from "./deps.ts";
import { wasMade } from "./was-made.ts";

/**
 * Sends a dead letter's message again where it came from, and removes the letter once the broker has it. However
 * often and by however many at once: the message goes out under an id that is the letter's own, so that all of them
 * are one trigger (ADR 0017).
 */
export async function replayLetter(deps: Deps, user: string, sequence: number): Promise<ReplayReply> {
  const { connection, names, log } = deps;
  const letter = await readLetter(deps, sequence);
  const message = replayable(names, letter);
  if (typeof message === "string")
    throw new RefusedError("not_replayable", `letter ${String(sequence)} ${message}`);
  const { subject } = message;
  const actionId = await effectOf(deps, letter);
  if (actionId !== undefined) {
    log.info({ user, letter: sequence, subject, action: actionId }, "dead letter had had its effect");
    await removeMessage(connection, names.streams.dead, sequence, "dead.remove");
    return { outcome: "had_effect", sequence, subject, actionId };
  }
  await publish(deps, message);
  await removeMessage(connection, names.streams.dead, sequence, "dead.remove");
  log.info({ user, letter: sequence, subject }, "dead letter replayed");
  const messageId = message.headers.find(([name]) => name === MESSAGE_ID_HEADER)?.[1];
  return {
    outcome: "replayed",
    sequence,
    subject,
    stream: letter.origin.stream,
    ...(messageId === undefined ? {} : { messageId }),
  };
}

async function readLetter({ connection, names }: Deps, sequence: number): Promise<DeadLetter> {
  const stored = await readMessage(connection, names.streams.dead, sequence);
  if (stored === undefined)
    throw new RefusedError("unknown_letter", `there is no dead letter ${String(sequence)}`);
  const letter = DeadLetter.safeParse(parseJson(stored.data));
  if (letter.success) return letter.data;
  throw new RefusedError("not_replayable", `what is at ${String(sequence)} is no letter of the mesh`);
}

const parseJson = (data: Uint8Array): unknown => {
  try {
    return JSON.parse(Buffer.from(data).toString());
  } catch {
    return undefined;
  }
};

export interface ReplayedMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: readonly (readonly [string, string])[];
}

/** The message as it is to be sent again, or what the letter is, for which it cannot be. */
export function replayable(
  names: Names,
  { origin, headers, data, size }: DeadLetter,
): ReplayedMessage | string {
  const { stream, subject } = origin;
  const { triggers, resume } = names.streams;
  const isUnder = (all: string): boolean => subject.startsWith(all.slice(0, -1));
  const isTrigger = stream === triggers && (isUnder(names.trigger.all) || isUnder(names.trigger.allTargets));
  const isResume = stream === resume && isUnder(names.resume.all);
  if (stream === "none") return "is of a request, and whoever asked is gone: ask again";
  if (!isTrigger && !isResume) return `is of '${subject}' in ${stream}, which is no queue of the mesh`;
  const body = Buffer.from(data, "base64");
  if (body.length < size)
    return `was cut: ${String(body.length)} of ${String(size)} bytes are kept; send the message itself again`;
  const kept = Object.entries(headers ?? {}).filter(([name, value]) => isPlain(name, value));
  // A hint is sent without an id: the newest counts (design §4).
  if (isResume) return { subject, data: body, headers: kept };
  const given = headers?.[MESSAGE_ID_HEADER] ?? "";
  if (given === "" && origin.sequence === undefined) return "does not say which message of its stream it was";
  const id = given === "" ? `dead-${stream}-${String(origin.sequence)}` : given;
  return { subject, data: body, headers: [[MESSAGE_ID_HEADER, id], ...kept] };
}

/** No header that steers the broker: of an expectation, a schedule or a TTL nobody knows what it would do today. */
const isPlain = (name: string, value: string): boolean =>
  !/^nats-/i.test(name) && /^[\w-]+$/.test(name) && !/[\r\n]/.test(value);

/**
 * The action of a trigger that was accepted before it was put aside, as by a process that died right after it. Only
 * of one without an id of its sender's: with one the replay is the same trigger, and has no second effect.
 */
async function effectOf(deps: Deps, { origin, headers }: DeadLetter): Promise<string | undefined> {
  const subject = deps.names.trigger.parse(origin.subject);
  if (subject === undefined || origin.sequence === undefined) return undefined;
  if ((headers?.[MESSAGE_ID_HEADER] ?? "") !== "") return undefined;
  const id = actionIdOfMessage(origin.stream, origin.sequence);
  const at = await deps.jets.load(subject.jet, true);
  const hadEffect = (at !== undefined && knowsTrigger(at.jet, id)) || (await wasMade(deps, id));
  return hadEffect ? id : undefined;
}

/** Longer than the window in which the broker drops a message for the id of another, whoever sent that. */
const WINDOW_PASSED_MS = 250;
const DEADLINE_MS = 10_000;

/**
 * Until the broker has it for good. `duplicate` may be our own first try, or the message of another sender who
 * happens to use the id: sent again after the window, it is stored, and twice is once.
 */
async function publish({ connection }: Deps, { subject, data, headers }: ReplayedMessage): Promise<void> {
  const until = performance.now() + DEADLINE_MS;
  for (;;) {
    const outcome = await writeOnce(connection, subject, data, { point: "dead.replay", headers });
    if (outcome.kind === "written" && !outcome.duplicate) return;
    if (outcome.kind === "refused" && !isTransient(outcome.code))
      throw new BrokerError(outcome.code, outcome.message);
    if (performance.now() >= until)
      throw new UnavailableError(`no acknowledgement of a replay to ${subject}`);
    await new Promise((resolve) => setTimeout(resolve, WINDOW_PASSED_MS));
  }
}
