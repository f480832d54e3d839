import { randomUUID } from "node:crypto";
import type { Names } from "@jetmesh/protocol";
import type { ConsumerConfig } from "@nats-io/jetstream";
import { type Msg, nanos } from "@nats-io/nats-core";
import type { Connection } from "./connection.ts";
import { JS_CODE } from "./errors.ts";
import { type QueueMessage, toQueueMessage } from "./queue.ts";
import { rawHeaders } from "./raw-headers.ts";
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
  /**
   * For how long, in milliseconds, changes may gather behind the first of them; 0, the default, is to see every
   * change as it happens. A bucket keeps only the newest value of a key, so whoever lets changes gather is spared
   * all that was overwritten in between (ADR 0016).
   */
  readonly everyMs?: number;
  readonly onChange: (change: Change) => void;
  readonly onProblem?: (problem: string) => void;
}

const BATCH = 2_000;
const LIVE_EXPIRES_MS = 20_000;
const HEARTBEAT_MS = 2_000;
/** Of a pull that does not wait: long enough for a slow moment of the broker. */
const LOOK_EXPIRES_MS = 500;
const SILENCE_MS = 5_000;
const INACTIVE_MS = 60_000;

/**
 * Sees every key of one stream once and then its changes, in order, over reconnects and restarts of the broker:
 * whatever goes wrong, a new consumer begins behind the last message that was seen. One ephemeral consumer per process
 * and stream, never one per key (`reference/nats.md` §2.7).
 */
export function followStream(connection: Connection, names: Names, options: FollowOptions): Follower {
  const stream = names.kvStream(options.bucket);
  const prefix = names.kv(options.bucket, "");
  const filter = prefix + (options.keys ?? ">");
  const everyMs = options.everyMs ?? 0;
  let seen = 0;
  let stopped = false;
  let isReady = false;
  let markReady: () => void = () => undefined;
  const ready = new Promise<void>((resolve) => (markReady = resolve));
  const waiting = new Set<{ sequence: number; resolve: () => void }>();
  let wake: () => void = () => undefined;

  const reached = (sequence: number): void => {
    seen = Math.max(seen, sequence);
    for (const one of waiting) if (one.sequence <= seen) one.resolve();
  };
  const onMessage = (message: Msg, at: QueueMessage): void => {
    const headers = rawHeaders(message);
    try {
      options.onChange({
        key: at.subject.slice(prefix.length),
        revision: at.sequence,
        exists: headers.get("KV-Operation") === undefined && headers.get("Nats-Marker-Reason") === undefined,
        data: at.data,
        header: (name) => headers.get(name),
      });
    } catch (thrown) {
      options.onProblem?.(`a follower of ${options.bucket} threw at ${message.subject}: ${String(thrown)}`);
    }
    reached(at.sequence);
  };
  const onCaughtUp = (): void => {
    if (isReady) return;
    isReady = true;
    markReady();
  };

  /** Follows by one consumer until something is not as expected. */
  const followOnce = async (): Promise<void> => {
    const { name, pending } = await addConsumer(
      connection,
      stream,
      filter,
      seen,
      options.headersOnly === true,
    );
    if (pending === 0) onCaughtUp();
    let delivered = 0;
    const take = (message: Msg, at: QueueMessage): "more" | "stop" => {
      delivered += 1;
      // One went missing on the way: what was not seen is read again.
      if (at.consumerSequence !== delivered) return "stop";
      onMessage(message, at);
      if (at.pending === 0) onCaughtUp();
      return "more";
    };
    const next = (batch: number, waits: boolean): Promise<Pulled> =>
      pull(connection, stream, name, batch, waits, take);

    while (!stopped && !connection.nc.isClosed()) {
      const pulled = await next(BATCH, everyMs === 0);
      if (pulled === "broken") return;
      if (pulled === "more" || everyMs === 0) continue;
      // Nothing more for now: wait for the next change, however long, then let others gather behind it.
      const first = await next(1, true);
      if (first === "broken") return;
      if (first === "more") await gather();
    }
  };

  const gather = (): Promise<void> =>
    new Promise((resolve) => {
      // Somebody waits to be caught up: what there is, now.
      if (waiting.size > 0) return resolve();
      const timer = setTimeout(resolve, everyMs);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });

  const run = async (): Promise<void> => {
    for (let tries = 1; !stopped && !connection.nc.isClosed(); tries += 1) {
      const before = seen;
      await followOnce().catch((thrown: unknown) =>
        options.onProblem?.(`following ${options.bucket}: ${String(thrown)}`),
      );
      if (seen > before) tries = 1;
      if (!connection.nc.isClosed()) await pause(tries);
    }
  };
  const running = run();

  const catchUp = async (timeoutMs: number): Promise<boolean> => {
    const last = await lastSequence(connection, stream, filter, timeoutMs);
    if (last === undefined) return false;
    if (last <= seen) return true;
    wake();
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
      wake();
      await Promise.race([running, new Promise((resolve) => setTimeout(resolve, 250).unref())]);
    },
  };
}

async function addConsumer(
  connection: Connection,
  stream: string,
  filter: string,
  seen: number,
  headersOnly: boolean,
): Promise<{ name: string; pending: number }> {
  const name = `follow-${randomUUID().slice(0, 12)}`;
  const info = await connection.jsm.consumers.add(stream, {
    name,
    ack_policy: "none",
    deliver_policy: seen === 0 ? "all" : "by_start_sequence",
    ...(seen === 0 ? {} : { opt_start_seq: seen + 1 }),
    filter_subject: filter,
    headers_only: headersOnly,
    mem_storage: true,
    num_replicas: 1,
    inactive_threshold: nanos(INACTIVE_MS),
  } as unknown as Partial<ConsumerConfig>);
  return { name, pending: info.num_pending };
}

/** "more" where the batch was full, "done" where there is no more for now, "broken" where it went wrong. */
type Pulled = "more" | "done" | "broken";

/** One pull; one that `waits` is answered as changes come, the other with what there is. */
function pull(
  connection: Connection,
  stream: string,
  consumer: string,
  batch: number,
  waits: boolean,
  onMessage: (message: Msg, at: QueueMessage) => "more" | "stop",
): Promise<Pulled> {
  const { nc } = connection;
  return new Promise((resolve) => {
    const inbox = connection.newInbox();
    let got = 0;
    let heardAt = performance.now();
    const end = (how: Pulled): void => {
      clearInterval(watchdog);
      offReconnect();
      if (!nc.isClosed()) subscription.unsubscribe();
      resolve(how);
    };
    const watchdog = setInterval(() => {
      if (nc.isClosed() || performance.now() - heardAt > SILENCE_MS) end("broken");
    }, 1_000);
    const offReconnect = connection.onReconnect(() => end("broken"));
    const subscription = nc.subscribe(inbox, {
      callback: (_error, message) => {
        heardAt = performance.now();
        const at = toQueueMessage(message);
        if (at === undefined) {
          const code = message.headers?.code ?? 0;
          // 404 and 408: no more, or no more in time. Whatever else is said (a consumer gone, a leader lost) breaks it.
          if (code !== 100) end(code === 404 || code === 408 ? "done" : "broken");
          return;
        }
        got += 1;
        if (onMessage(message, at) === "stop") end("broken");
        else if (got === batch) end("more");
      },
    });
    const request = waits
      ? { batch, expires: LIVE_EXPIRES_MS * 1e6, idle_heartbeat: HEARTBEAT_MS * 1e6 }
      : { batch, no_wait: true, expires: LOOK_EXPIRES_MS * 1e6 };
    connection.outbox.publish(
      `$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`,
      JSON.stringify(request),
      inbox,
      "",
    );
  });
}

/** The newest message under a filter, by the stream's leader. */
async function lastSequence(
  connection: Connection,
  stream: string,
  filter: string,
  timeoutMs: number,
): Promise<number | undefined> {
  const reply = await connection.pipeline.call(
    `${connection.apiPrefix}.STREAM.MSG.GET.${stream}`,
    JSON.stringify({ last_by_subj: filter }),
    undefined,
    timeoutMs,
  );
  if (typeof reply === "string") return undefined;
  const raw = reply.json<{ message?: { seq: number }; error?: { err_code?: number } }>();
  return raw.message?.seq ?? (raw.error?.err_code === JS_CODE.noMessage ? 0 : undefined);
}
