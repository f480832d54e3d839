import type { Msg } from "@nats-io/nats-core";
import type { Connection } from "./connection.ts";
import { NobodyThereError, UnavailableError } from "./errors.ts";
import { headerBlock } from "./pipeline.ts";

/** Request and reply between programs: JSON both ways, errors in the headers of NATS micro services (ADR-32). */
export interface RemoteError {
  readonly code: string;
  readonly message: string;
  readonly details?: unknown;
}

export type Answer =
  | { readonly ok: true; readonly body: unknown }
  | { readonly ok: false; readonly error: RemoteError };

const decoder = new TextDecoder();

/** Asks; throws `UnavailableError` where nobody answers in time, `NobodyThereError` where nobody listens. */
export async function ask(
  connection: Connection,
  subject: string,
  body: unknown,
  timeoutMs: number,
): Promise<Answer> {
  const reply = await connection.pipeline.call(subject, JSON.stringify(body), undefined, timeoutMs);
  if (typeof reply === "string") {
    const message = `no answer on ${subject}: ${WHY[reply]}`;
    throw reply === "no_responders" ? new NobodyThereError(message) : new UnavailableError(message);
  }
  const text = decoder.decode(reply.data);
  const value: unknown = text === "" ? undefined : JSON.parse(text);
  if (
    reply.headers?.get("Nats-Service-Error") !== undefined &&
    reply.headers.get("Nats-Service-Error") !== ""
  ) {
    return { ok: false, error: value as RemoteError };
  }
  return { ok: true, body: value };
}

const WHY = {
  timeout: "timed out",
  no_responders: "nobody listens there",
  closed: "the connection is closed",
  too_large: "it is larger than the broker takes",
} as const;

export interface Incoming {
  readonly subject: string;
  readonly data: Uint8Array;
  /** Absent where the sender wants no answer. */
  readonly canReply: boolean;
  reply(body: unknown): void;
  replyError(status: number, error: RemoteError): void;
}

/** Below the broker's megabyte, headers included. */
const MAX_REPLY_BYTES = 1_000_000;

export interface Responder {
  stop(): Promise<void>;
}

/**
 * Answers requests. `queue` shares them among the processes that name the same; without one each process gets
 * every request. The callback must not throw.
 */
export function respond(
  connection: Connection,
  subject: string,
  queue: string | undefined,
  onRequest: (request: Incoming) => void,
): Responder {
  const { nc } = connection;
  const subscription = nc.subscribe(subject, {
    ...(queue === undefined ? {} : { queue }),
    callback: (_error, message) => onRequest(toIncoming(connection, message)),
  });
  return {
    async stop() {
      if (!nc.isClosed()) await subscription.drain().catch(() => undefined);
    },
  };
}

function toIncoming({ nc, outbox }: Connection, message: Msg): Incoming {
  const { reply } = message;
  const canReply = reply !== undefined && reply !== "";
  const send = (body: unknown, headers = ""): void => {
    if (!canReply || nc.isClosed()) return;
    const text = JSON.stringify(body);
    if (Buffer.byteLength(text) <= MAX_REPLY_BYTES) return outbox.publish(reply, text, "", headers);
    // The broker would take no more, and the client throws rather than send it.
    const error = { code: "too_large", message: "the answer is larger than a message may be" };
    outbox.publish(reply, JSON.stringify(error), "", errorHeaders(413, error));
  };
  return {
    subject: message.subject,
    data: message.data,
    canReply,
    reply: send,
    replyError: (status, error) => send(error, errorHeaders(status, error)),
  };
}

const errorHeaders = (status: number, error: RemoteError): string =>
  headerBlock([
    ["Nats-Service-Error", error.message.replace(/[\r\n]+/g, " ").slice(0, 500)],
    ["Nats-Service-Error-Code", String(status)],
  ]);

/** Says JSON that is there already. */
export function tellText({ nc, outbox }: Connection, subject: string, text: string): void {
  if (!nc.isClosed()) outbox.publish(subject, text, "", "");
}

export interface Survey extends Responder {
  /** Asks whoever listens there; all their answers count, whenever they come. */
  ask(subject: string): void;
}

/** A question that many answer, asked as often as wanted. The callback must not throw. */
export function survey(connection: Connection, onAnswer: (data: Uint8Array) => void): Survey {
  const answers = connection.newInbox();
  const responder = respond(connection, answers, undefined, ({ data }) => onAnswer(data));
  return {
    ask(subject) {
      const { nc, outbox } = connection;
      if (!nc.isClosed()) outbox.publish(subject, "", answers, "");
    },
    stop: () => responder.stop(),
  };
}

/** How long the broker may take to say that nobody listens. */
const NOBODY_MS = 1_000;

/** Says JSON that is there already to one process, and, where that is gone, on the subject that all of its kind share. */
export function tellTextTo(connection: Connection, subject: string, shared: string, text: string): void {
  void connection.pipeline.call(subject, text, undefined, NOBODY_MS).then((reply) => {
    if (reply === "no_responders") tellText(connection, shared, text);
  });
}

/** Says something, as JSON, to whoever listens, without an answer. */
export function tell(connection: Connection, subject: string, body: unknown): void {
  tellText(connection, subject, JSON.stringify(body));
}
