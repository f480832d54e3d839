import type { Names } from "@jetmesh/protocol";
import type { ConsumerMessages, JsMsg, OrderedConsumerOptions } from "@nats-io/jetstream";
import { DeliverPolicy } from "@nats-io/jetstream";
import type { Connection } from "./connection.ts";
import { JS_CODE, UnavailableError } from "./errors.ts";
import { pause } from "./writer.ts";

/** One change of a key, as a follower sees it; a copy that may be behind: never decide a refusal on it. */
export interface Change {
  readonly key: string;
  readonly revision: number;
  /** False where it was deleted or has expired. */
  readonly exists: boolean;
  /** Empty where only headers are followed. */
  readonly data: Uint8Array;
  header(name: string): string | undefined;
}

export interface Follower {
  /** Resolves once everything that was there at the start has been seen. */
  readonly ready: Promise<void>;
  readonly isReady: boolean;
  /** Waits until what is written by now has been seen. False where that cannot be had in time. */
  catchUp(timeoutMs: number): Promise<boolean>;
  stop(): Promise<void>;
}

export interface FollowOptions {
  readonly bucket: string;
  /** A key, or a pattern of keys like `template.*`; all by default. */
  readonly keys?: string;
  readonly headersOnly?: boolean;
  readonly onChange: (change: Change) => void;
  readonly onProblem?: (problem: string) => void;
}

/**
 * Sees every key once and then every change, in order, over reconnects and restarts of the broker. One ephemeral
 * consumer per process and bucket, never one per key (`reference/nats.md` §2.7).
 */
export function follow(connection: Connection, names: Names, options: FollowOptions): Follower {
  const stream = names.kvStream(options.bucket);
  const prefix = names.kv(options.bucket, "");
  let seen = 0;
  let stopped = false;
  let messages: ConsumerMessages | undefined;
  let markReady: () => void = () => undefined;
  let isReady = false;
  const ready = new Promise<void>((resolve) => (markReady = resolve));
  const waiting = new Set<{ sequence: number; resolve: () => void }>();

  const reached = (sequence: number): void => {
    seen = Math.max(seen, sequence);
    for (const one of waiting) if (one.sequence <= seen) one.resolve();
  };
  const becomeReady = (): void => {
    isReady = true;
    markReady();
  };
  const onMessage = (message: JsMsg): void => {
    const marker =
      message.headers !== undefined &&
      (message.headers.has("KV-Operation") || message.headers.has("Nats-Marker-Reason"));
    try {
      options.onChange({
        key: message.subject.slice(prefix.length),
        revision: message.seq,
        exists: !marker,
        data: message.data,
        header: (name) => nonEmpty(message.headers?.get(name)),
      });
    } catch (thrown) {
      options.onProblem?.(`a follower of ${options.bucket} threw at ${message.subject}: ${String(thrown)}`);
    }
    reached(message.seq);
    if (!isReady && message.info.pending === 0) becomeReady();
  };

  const run = async (): Promise<void> => {
    for (let tries = 1; !stopped && !connection.nc.isClosed(); tries += 1) {
      try {
        const last = (await connection.jsm.streams.info(stream)).state.last_seq;
        const from: Partial<OrderedConsumerOptions> =
          seen === 0
            ? { deliver_policy: DeliverPolicy.All }
            : { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: seen + 1 };
        const consumer = await connection.js.consumers.get(stream, {
          ...from,
          filter_subjects: [prefix + (options.keys ?? ">")],
          headers_only: options.headersOnly === true,
        });
        const { num_pending: pending } = await consumer.info(true);
        if (pending === 0) {
          reached(last);
          becomeReady();
        }
        messages = await consumer.consume({
          callback: onMessage,
          max_messages: 1_000,
          idle_heartbeat: 2_000,
        });
        await messages.closed();
      } catch (thrown) {
        options.onProblem?.(`following ${options.bucket}: ${String(thrown)}`);
      }
      await pause(tries);
    }
  };
  const running = run();

  const catchUp = async (timeoutMs: number): Promise<boolean> => {
    const last = await lastSequence(connection, stream, prefix + (options.keys ?? ">"), timeoutMs);
    if (last === undefined) return false;
    if (last <= seen) return true;
    return new Promise<boolean>((resolve) => {
      const one = { sequence: last, resolve: () => done(true) };
      const timer = setTimeout(() => done(false), timeoutMs);
      const done = (caughtUp: boolean): void => {
        clearTimeout(timer);
        waiting.delete(one);
        resolve(caughtUp);
      };
      waiting.add(one);
    });
  };

  return {
    ready,
    get isReady() {
      return isReady;
    },
    catchUp,
    async stop() {
      stopped = true;
      messages?.stop();
      await Promise.race([running, new Promise((resolve) => setTimeout(resolve, 1_000).unref())]);
    },
  };
}

/** The client gives "" for a header that is not there. */
const nonEmpty = (value: string | undefined): string | undefined => (value === "" ? undefined : value);

/** The newest message under a filter, by the stream's leader. */
async function lastSequence(
  connection: Connection,
  stream: string,
  filter: string,
  timeoutMs: number,
): Promise<number | undefined> {
  const reply = await connection.pipeline.call(
    `$JS.API.STREAM.MSG.GET.${stream}`,
    JSON.stringify({ last_by_subj: filter }),
    undefined,
    timeoutMs,
  );
  if (typeof reply === "string") return undefined;
  const raw = reply.json<{ message?: { seq: number }; error?: { err_code?: number } }>();
  return raw.message?.seq ?? (raw.error?.err_code === JS_CODE.noMessage ? 0 : undefined);
}

/**
 * Reads keys in the order of their last change, from after `cursor` on, until `visit` says that it has enough or
 * `most` were looked at. Gives the cursor to go on from, or undefined where everything was seen.
 */
export async function scan(
  connection: Connection,
  names: Names,
  bucket: string,
  given: { readonly keys?: string; readonly cursor?: number; readonly most: number },
  visit: (change: Change) => "more" | "enough",
): Promise<number | undefined> {
  const stream = names.kvStream(bucket);
  return readStream(connection, stream, names.kv(bucket, given.keys ?? ">"), given, (message) => {
    if (message.headers?.has("KV-Operation") === true || message.headers?.has("Nats-Marker-Reason") === true)
      return "more";
    return visit({
      key: message.subject.slice(names.kv(bucket, "").length),
      revision: message.seq,
      exists: true,
      data: message.data,
      header: (name) => nonEmpty(message.headers?.get(name)),
    });
  });
}

/** The same over any stream. */
export async function readStream(
  connection: Connection,
  stream: string,
  filter: string,
  given: { readonly cursor?: number; readonly most: number },
  visit: (message: JsMsg) => "more" | "enough",
): Promise<number | undefined> {
  const consumer = await connection.js.consumers.get(stream, {
    deliver_policy: DeliverPolicy.StartSequence,
    opt_start_seq: (given.cursor ?? 0) + 1,
    filter_subjects: [filter],
    inactive_threshold: 5_000,
  });
  const { num_pending: pending } = await consumer.info(true);
  let last = given.cursor ?? 0;
  let left = Math.min(pending, given.most);
  while (left > 0) {
    const batch = await consumer.fetch({ max_messages: Math.min(left, 500), expires: 3_000 });
    let got = 0;
    for await (const message of batch) {
      got += 1;
      left -= 1;
      last = message.seq;
      if (visit(message) === "enough") {
        batch.stop();
        return message.info.pending > 0 ? last : undefined;
      }
      if (message.info.pending === 0) return undefined;
    }
    if (got === 0) throw new UnavailableError(`no answer while reading ${stream}`);
  }
  return pending > given.most ? last : undefined;
}
