import type { Connection } from "./connection.ts";
import { BrokerError, isTransient, JS_CODE, UnavailableError } from "./errors.ts";
import type { WritePoint } from "./write-points.ts";
import { pause } from "./writer.ts";

/** One message of a stream by its sequence, as its leader has it. */
export interface StoredMessage {
  readonly subject: string;
  readonly sequence: number;
  readonly data: Uint8Array;
  readonly headers: ReadonlyMap<string, string>;
  /** When the broker stored it, milliseconds. */
  readonly storedAt: number;
}

interface Raw {
  readonly message?: {
    readonly subject: string;
    readonly seq: number;
    readonly data?: string;
    readonly hdrs?: string;
    readonly time: string;
  };
  readonly success?: boolean;
  readonly error?: { readonly err_code?: number; readonly description?: string };
}

/** Undefined where there is none, or none any more. */
export async function readMessage(
  connection: Connection,
  stream: string,
  sequence: number,
  deadlineMs = 10_000,
): Promise<StoredMessage | undefined> {
  return toStored(await call(connection, `MSG.GET.${stream}`, { seq: sequence }, deadlineMs));
}

/** The first message under a filter from a sequence on; undefined where there is none. */
export async function readNext(
  connection: Connection,
  stream: string,
  from: number,
  filter: string,
  deadlineMs = 10_000,
): Promise<StoredMessage | undefined> {
  return toStored(
    await call(connection, `MSG.GET.${stream}`, { seq: from, next_by_subj: filter }, deadlineMs),
  );
}

/** The newest message on a subject; undefined where there is none. */
export async function readLast(
  connection: Connection,
  stream: string,
  subject: string,
  deadlineMs = 10_000,
): Promise<StoredMessage | undefined> {
  return toStored(await call(connection, `MSG.GET.${stream}`, { last_by_subj: subject }, deadlineMs));
}

function toStored({ message }: Raw): StoredMessage | undefined {
  if (message === undefined) return undefined;
  return {
    subject: message.subject,
    sequence: message.seq,
    data: Buffer.from(message.data ?? "", "base64"),
    headers: parseHeaders(Buffer.from(message.hdrs ?? "", "base64").toString()),
    storedAt: Date.parse(message.time),
  };
}

/** Takes a message out of its stream; done as well where it is gone already, so twice is once. */
export async function removeMessage(
  connection: Connection,
  stream: string,
  sequence: number,
  point: WritePoint,
  deadlineMs = 10_000,
): Promise<void> {
  const about = `${stream} ${String(sequence)}`;
  await connection.faults?.suffer(point, "before", about);
  await call(connection, `MSG.DELETE.${stream}`, { seq: sequence, no_erase: true }, deadlineMs);
  await connection.faults?.suffer(point, "after", about);
}

/** Asks the leader of a stream until it answers. What is not there is an answer. */
async function call(
  connection: Connection,
  verb: string,
  request: {
    readonly seq?: number;
    readonly next_by_subj?: string;
    readonly last_by_subj?: string;
    readonly no_erase?: boolean;
  },
  deadlineMs: number,
): Promise<Raw> {
  const until = performance.now() + deadlineMs;
  for (let tries = 1; ; tries += 1) {
    const subject = `${connection.apiPrefix}.STREAM.${verb}`;
    const reply = await connection.pipeline.call(subject, JSON.stringify(request), undefined, 2_000);
    if (typeof reply !== "string") {
      const raw = reply.json<Raw>();
      const code = raw.error?.err_code ?? 0;
      if (raw.error === undefined || code === JS_CODE.noMessage || code === JS_CODE.nothingToDelete)
        return raw;
      if (!isTransient(code)) throw new BrokerError(code, raw.error.description ?? `${verb} refused`);
    }
    if (reply === "closed" || performance.now() >= until)
      throw new UnavailableError(`no answer to ${verb} of ${request.last_by_subj ?? String(request.seq)}`);
    await pause(tries);
  }
}

/** Of a name that is there twice the first value counts, as for a message that is delivered. */
function parseHeaders(block: string): ReadonlyMap<string, string> {
  const headers = new Map<string, string>();
  for (const line of block.split("\r\n").slice(1)) {
    const at = line.indexOf(":");
    const name = line.slice(0, at);
    if (at > 0 && !headers.has(name)) headers.set(name, line.slice(at + 1).trim());
  }
  return headers;
}
