import type { Msg, NatsConnection, Subscription } from "@nats-io/nats-core";
import { ensureError } from "./errors.ts";
import type { Outbox } from "./outbox.ts";

/**
 * Many requests in flight over one reply subscription (design §8). What it saves against the client's own
 * `request`: no timer, no promise race and no header object per request. Replies are found by a counter in the
 * last token of their subject; requests that got none are swept every 100 ms, oldest first, so a timeout is late
 * by at most that. Measured by `npm run bench:writer`.
 */
export type Reply = Msg | "timeout" | "no_responders" | "closed" | "too_large";

interface Waiting {
  readonly deadline: number;
  readonly settle: (reply: Reply) => void;
  /** Only of what was called while the connection was away. */
  readonly send: (() => void) | undefined;
}

const SWEEP_MS = 100;

export interface Pipeline {
  /** `headers`: a header block, see `headerBlock`. Never rejects. */
  call(
    subject: string,
    data: Uint8Array | string,
    headers: string | undefined,
    timeoutMs: number,
  ): Promise<Reply>;
  /** The same, read where the reply comes in, which saves a promise; rejects with what `read` throws. */
  request<T>(
    subject: string,
    data: Uint8Array | string,
    headers: string | undefined,
    timeoutMs: number,
    read: (reply: Reply) => T,
  ): Promise<T>;
  readonly inFlight: number;
  /**
   * The connection broke: replies on their way are lost, so whoever waits is told now rather than at its timeout.
   * What is called until `resume` is sent then, within its time: the client would take it and lose it.
   */
  interrupt(): void;
  resume(): void;
  close(): void;
}

/** `inbox`: what replies come to, as no other connection has it. */
export function createPipeline(nc: NatsConnection, outbox: Outbox, ownInbox: string): Pipeline {
  // Per timeout one map, in order of their making and so of their deadlines: a sweep stops at the first in time.
  const byTimeout = new Map<number, Map<string, Waiting>>();
  const inbox = `${ownInbox}.`;
  let counter = 0;
  let inFlight = 0;
  let sweeper: NodeJS.Timeout | undefined;
  let closed = false;
  let connected = true;

  const settle = (timeout: number, token: string, reply: Reply): void => {
    const ofTimeout = byTimeout.get(timeout);
    const waiting = ofTimeout?.get(token);
    if (waiting === undefined) return;
    ofTimeout?.delete(token);
    inFlight -= 1;
    waiting.settle(reply);
  };

  const subscription: Subscription = nc.subscribe(`${inbox}*`, {
    callback: (_error, message) => {
      // The token is `<timeout>_<counter>`, so that the reply leads to its map without a search.
      const token = message.subject.slice(inbox.length);
      const timeout = Number(token.slice(0, token.indexOf("_")));
      // A process that was paused finds what came meanwhile, and has been taken for dead: too late is no answer.
      const isLate = (byTimeout.get(timeout)?.get(token)?.deadline ?? 0) < performance.now();
      settle(timeout, token, isLate ? "timeout" : isNoResponders(message) ? "no_responders" : message);
    },
  });

  const settleAll = (reply: Reply): void => {
    for (const [timeout, waiting] of byTimeout) {
      for (const token of [...waiting.keys()]) settle(timeout, token, reply);
    }
  };

  const sweep = (): void => {
    const now = performance.now();
    for (const [timeout, waiting] of byTimeout) {
      for (const [token, { deadline }] of waiting) {
        if (deadline > now) break;
        settle(timeout, token, "timeout");
      }
    }
    if (inFlight === 0) {
      clearInterval(sweeper);
      sweeper = undefined;
    }
  };

  const begin = (
    subject: string,
    data: Uint8Array | string,
    headers: string | undefined,
    patience: number,
    settleOne: (reply: Reply) => void,
  ): void => {
    if (closed || nc.isClosed()) return settleOne("closed");
    // A dot in the token would be one token more, and no reply would ever be ours.
    const timeoutMs = Math.ceil(patience);
    counter = (counter + 1) % Number.MAX_SAFE_INTEGER;
    const token = `${String(timeoutMs)}_${counter.toString(36)}`;
    let waiting = byTimeout.get(timeoutMs);
    if (waiting === undefined) byTimeout.set(timeoutMs, (waiting = new Map<string, Waiting>()));
    const send = (): void => outbox.publish(subject, data, inbox + token, headers ?? "");
    const deadline = performance.now() + timeoutMs;
    waiting.set(token, { deadline, settle: settleOne, send: connected ? undefined : send });
    inFlight += 1;
    sweeper ??= setInterval(sweep, SWEEP_MS);
    if (!connected) return;
    try {
      send();
    } catch {
      // All that is not sent is what is larger than the broker takes.
      settle(timeoutMs, token, "too_large");
    }
  };

  return {
    get inFlight() {
      return inFlight;
    },
    call: (subject, data, headers, timeoutMs) =>
      new Promise((resolve) => begin(subject, data, headers, timeoutMs, resolve)),
    request: (subject, data, headers, timeoutMs, read) =>
      new Promise((resolve, reject) =>
        begin(subject, data, headers, timeoutMs, (reply) => {
          try {
            resolve(read(reply));
          } catch (thrown) {
            reject(ensureError(thrown));
          }
        }),
      ),
    interrupt() {
      connected = false;
      settleAll("timeout");
    },
    resume() {
      connected = true;
      for (const [timeout, waiting] of byTimeout) {
        for (const [token, { send }] of [...waiting]) {
          try {
            send?.();
          } catch {
            settle(timeout, token, "too_large");
          }
        }
      }
    },
    close() {
      if (closed) return;
      closed = true;
      clearInterval(sweeper);
      if (!nc.isClosed()) subscription.unsubscribe();
      settleAll("closed");
    },
  };
}

const isNoResponders = (message: Msg): boolean => message.data.length === 0 && message.headers?.code === 503;

/** A header block as it goes over the wire. Names and values are our own or were checked to have no line breaks. */
export function headerBlock(pairs: readonly (readonly [string, string])[]): string {
  let block = "NATS/1.0\r\n";
  for (const [name, value] of pairs) block += `${name}: ${value}\r\n`;
  return `${block}\r\n`;
}
