import type { Connection } from "./connection.ts";
import { BrokerError, isTransient, UnavailableError } from "./errors.ts";
import { headerBlock } from "./pipeline.ts";
import { readAck, type WriteOutcome } from "./write-outcome.ts";
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
  /** The stream that it goes to, where that takes atomic batches: it may be made together with others (`group-commit.ts`). */
  readonly batchable?: string | undefined;
  /** Written again also where the broker says that it has this message id: that may be another's (`writeRepeatable`). */
  readonly untilStored?: boolean | undefined;
}

const ACK_TIMEOUT_MS = 5_000;
const decoder = new TextDecoder();

/** One try of one acknowledged write; any number may be in flight. */
export function writeOnce(
  connection: Connection,
  subject: string,
  data: Uint8Array | string,
  options: WriteOptions,
  timeoutMs = ACK_TIMEOUT_MS,
): Promise<WriteOutcome> {
  return connection.faults === undefined
    ? send(connection, subject, data, options, timeoutMs)
    : sendWithFaults(connection, subject, data, options, timeoutMs);
}

async function sendWithFaults(
  connection: Connection,
  subject: string,
  data: Uint8Array | string,
  options: WriteOptions,
  timeoutMs: number,
): Promise<WriteOutcome> {
  const about = `${subject} ${typeof data === "string" ? data : decoder.decode(data)}`;
  const before = await connection.faults?.suffer(options.point, "before", about);
  if (before === "twice") await send(connection, subject, data, options, timeoutMs);
  const outcome = await send(connection, subject, data, options, timeoutMs);
  const after = await connection.faults?.suffer(options.point, "after", about);
  return after === "lose" ? { kind: "unknown", why: "timeout" } : outcome;
}

function send(
  { pipeline, groupCommit }: Connection,
  subject: string,
  data: Uint8Array | string,
  options: WriteOptions,
  timeoutMs: number,
): Promise<WriteOutcome> {
  const { batchable } = options;
  return batchable === undefined || typeof data !== "string"
    ? pipeline.request(subject, data, headersOf(options), timeoutMs, readAck)
    : groupCommit.write(batchable, subject, data, headersOf(options) ?? NO_HEADERS, timeoutMs);
}

const NO_HEADERS = headerBlock([]);

function headersOf(options: WriteOptions): string | undefined {
  const { expect, ttlMs, messageId, headers } = options;
  let block = "";
  if (expect !== undefined) block += `Nats-Expected-Last-Subject-Sequence: ${String(expect)}\r\n`;
  if (ttlMs !== undefined) block += `Nats-TTL: ${String(Math.max(1, Math.round(ttlMs / 1_000)))}s\r\n`;
  if (messageId !== undefined) block += `Nats-Msg-Id: ${messageId}\r\n`;
  if (headers !== undefined) for (const [name, value] of headers) block += `${name}: ${value}\r\n`;
  return block === "" ? undefined : `NATS/1.0\r\n${block}\r\n`;
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
    if (outcome.kind === "written" && !(outcome.duplicate && options.untilStored === true))
      return outcome.sequence;
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
