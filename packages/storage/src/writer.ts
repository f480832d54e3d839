import type { Connection } from "./connection.ts";
import { BrokerError, isTransient, JS_CODE, UnavailableError } from "./errors.ts";
import { encodeHeaders } from "./pipeline.ts";
import type { WritePoint } from "./write-points.ts";

export interface WriteOptions {
  /** Which of the mesh's writes this is. */
  readonly point: WritePoint;
  /** The subject's last sequence that the write expects; 0 = there is none. Absent = whatever it is. */
  readonly expect?: number | undefined;
  /** Seconds are the broker's grain; less than one is one. */
  readonly ttlMs?: number | undefined;
  readonly messageId?: string | undefined;
  readonly headers?: readonly (readonly [string, string])[] | undefined;
}

/** How one try of one write came out. A lost compare-and-swap is a normal outcome (`reference/nats.md` §2.1). */
export type WriteOutcome =
  | { readonly kind: "written"; readonly sequence: number; readonly duplicate: boolean }
  /** Something else is there: not written. */
  | { readonly kind: "conflict" }
  /** Not written, for another write is on its way; what came of that one must be read. */
  | { readonly kind: "in_flight" }
  /** No answer: it may be written or not. */
  | { readonly kind: "unknown"; readonly why: "timeout" | "no_responders" | "closed" }
  | { readonly kind: "refused"; readonly code: number; readonly message: string };

const ACK_TIMEOUT_MS = 5_000;
const decoder = new TextDecoder();

interface PubAck {
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly error?: { readonly err_code?: number; readonly code?: number; readonly description?: string };
}

/** One try of one acknowledged write; any number may be in flight. */
export async function writeOnce(
  connection: Connection,
  subject: string,
  data: Uint8Array | string,
  options: WriteOptions,
  timeoutMs = ACK_TIMEOUT_MS,
): Promise<WriteOutcome> {
  if (connection.faults === undefined) return send(connection, subject, data, options, timeoutMs);
  const about = `${subject} ${typeof data === "string" ? data : decoder.decode(data)}`;
  const before = await connection.faults.suffer(options.point, "before", about);
  if (before === "twice") await send(connection, subject, data, options, timeoutMs);
  const outcome = await send(connection, subject, data, options, timeoutMs);
  const after = await connection.faults.suffer(options.point, "after", about);
  return after === "lose" ? { kind: "unknown", why: "timeout" } : outcome;
}

async function send(
  connection: Connection,
  subject: string,
  data: Uint8Array | string,
  options: WriteOptions,
  timeoutMs: number,
): Promise<WriteOutcome> {
  const reply = await connection.pipeline.call(subject, data, headersOf(options), timeoutMs);
  if (reply === "timeout" || reply === "no_responders" || reply === "closed")
    return { kind: "unknown", why: reply };
  if (reply === "too_large") return { kind: "refused", code: 0, message: "larger than the broker takes" };
  const ack = JSON.parse(decoder.decode(reply.data)) as PubAck;
  if (ack.error !== undefined) {
    const code = ack.error.err_code ?? ack.error.code ?? 0;
    if (code === JS_CODE.wrongLastSequence) return { kind: "conflict" };
    if (code === JS_CODE.wrongLastSequenceInFlight) return { kind: "in_flight" };
    return { kind: "refused", code, message: ack.error.description ?? "refused by the broker" };
  }
  return { kind: "written", sequence: ack.seq ?? 0, duplicate: ack.duplicate === true };
}

function headersOf(options: WriteOptions): Uint8Array | undefined {
  const pairs: (readonly [string, string])[] = [];
  if (options.expect !== undefined)
    pairs.push(["Nats-Expected-Last-Subject-Sequence", String(options.expect)]);
  if (options.ttlMs !== undefined)
    pairs.push(["Nats-TTL", `${String(Math.max(1, Math.round(options.ttlMs / 1_000)))}s`]);
  if (options.messageId !== undefined) pairs.push(["Nats-Msg-Id", options.messageId]);
  if (options.headers !== undefined) pairs.push(...options.headers);
  return pairs.length === 0 ? undefined : encodeHeaders(pairs);
}

/**
 * A write that may be made twice without harm (a hint, a history entry with its message id), until it is
 * acknowledged. Throws `UnavailableError` when the time is up, `BrokerError` when the broker refuses for good.
 */
export async function writeRepeatable(
  connection: Connection,
  subject: string,
  data: Uint8Array | string,
  options: WriteOptions,
  deadlineMs = 30_000,
): Promise<number> {
  const until = performance.now() + deadlineMs;
  for (let tries = 1; ; tries += 1) {
    const outcome = await writeOnce(connection, subject, data, options);
    if (outcome.kind === "written") return outcome.sequence;
    if (outcome.kind === "refused" && !isTransient(outcome.code))
      throw new BrokerError(outcome.code, outcome.message);
    if (performance.now() >= until || (outcome.kind === "unknown" && outcome.why === "closed")) {
      throw new UnavailableError(`no acknowledgement of a write to ${subject}`);
    }
    await pause(tries);
  }
}

/** Waits between tries: 20 ms, doubling to half a second, each shortened at random so that losers part ways. */
export function pause(tries: number): Promise<void> {
  const whole = Math.min(500, 20 * 2 ** Math.min(tries - 1, 10));
  return new Promise((resolve) => setTimeout(resolve, whole * (0.5 + Math.random() / 2)));
}
