import type { Msg, Subscription } from "@nats-io/nats-core";
import type { Connection } from "./connection.ts";
import type { AckPoint } from "./write-points.ts";

/**
 * A share of a durable pull consumer. The client's own `consume` asks for more as messages arrive, whether or
 * not the last ones are done; here no more than `maxInFlight` are ever delivered and not yet answered, which is
 * what makes a slow process leave work to the others (Q1), and every way in which a pull can be lost (reconnect,
 * a leader lost, a consumer made again) ends in a new pull within `SILENCE_MS` (Q2), and a handler that is slow is not
 * overtaken by another (Q3).
 */
export interface QueueMessage {
  readonly subject: string;
  readonly data: Uint8Array;
  readonly headers: ReadonlyMap<string, string>;
  readonly stream: string;
  readonly sequence: number;
  /** 1 on the first delivery. */
  readonly deliveries: number;
  /** When the broker stored it, milliseconds. */
  readonly storedAt: number;
  /** Its number among what this consumer was given. */
  readonly consumerSequence: number;
  /** How many more the consumer has. */
  readonly pending: number;
}

/** What becomes of a message; the only ways there are. */
export type Disposal = { readonly kind: "ack" } | { readonly kind: "retry"; readonly afterMs: number };

export interface QueueOptions {
  /** Which of the mesh's acknowledgements this makes. */
  readonly point: AckPoint;
  readonly stream: string;
  readonly consumer: string;
  readonly maxInFlight: number;
  /** How many more may be taken, where that hangs on more than what is in flight; `poke` when it grows. */
  readonly room?: () => number;
  /** Whether it asks ahead for what comes later; asked each time that it could. Else it takes what `takeNow` is told to. */
  readonly mayAskAhead?: () => boolean;
  readonly handle: (message: QueueMessage) => Promise<Disposal>;
  readonly onProblem?: (problem: string) => void;
}

export interface Queue {
  readonly inFlight: number;
  /** Whether messages wait in the stream, as far as was heard within the last moment. */
  readonly isBehind: boolean;
  /** There is more room than there was. */
  poke(): void;
  /** Takes what is there by now, as far as there is room; back with how many came. */
  takeNow(): Promise<number>;
  /** Stops taking, then waits until what was taken is done. */
  stop(): Promise<void>;
}

const EXPIRES_MS = 20_000;
const HEARTBEAT_MS = 2_000;
const SILENCE_MS = 5_000;
const MOMENT_MS = 100;

export function consumeQueue(connection: Connection, options: QueueOptions): Queue {
  const { nc, outbox } = connection;
  const { maxInFlight } = options;
  const pullSubject = `$JS.API.CONSUMER.MSG.NEXT.${options.stream}.${options.consumer}`;
  let subscription: Subscription | undefined;
  let inbox = "";
  let inFlight = 0;
  let asked = 0;
  let pending = 0;
  let givenAt = 0;
  let heardAt = performance.now();
  let stopped = false;
  let whenIdle: (() => void) | undefined;
  /** What is being taken by `takeNow`. */
  let taking: { readonly want: number; came: number; readonly done: (came: number) => void } | undefined;
  /** Reply subjects of what is being handled. */
  const handling = new Set<string>();

  const canAsk = (): boolean =>
    !stopped && taking === undefined && !nc.isClosed() && connection.connectedSince() !== undefined;
  const wanted = (): number => Math.min(maxInFlight, options.room?.() ?? maxInFlight) - inFlight - asked;

  const pull = (): void => {
    if (!canAsk() || options.mayAskAhead?.() === false) return;
    const want = wanted();
    // In quarters, so that a busy queue does not ask once per message.
    if (want <= 0 || (want < maxInFlight / 4 && inFlight + asked > 0)) return;
    asked += want;
    heardAt = performance.now();
    const request = { batch: want, expires: EXPIRES_MS * 1e6, idle_heartbeat: HEARTBEAT_MS * 1e6 };
    outbox.publish(pullSubject, JSON.stringify(request), inbox, "");
  };

  const takeNow = (): Promise<number> => {
    const want = canAsk() ? wanted() : 0;
    if (want <= 0) return Promise.resolve(0);
    asked += want;
    heardAt = performance.now();
    outbox.publish(pullSubject, JSON.stringify({ batch: want, no_wait: true }), inbox, "");
    return new Promise((resolve) => (taking = { want, came: 0, done: resolve }));
  };
  const endTaking = (): void => {
    const was = taking;
    taking = undefined;
    was?.done(was.came);
  };

  const open = (): void => {
    endTaking();
    if (stopped || nc.isClosed()) return;
    subscription?.unsubscribe();
    inbox = connection.newInbox();
    asked = 0;
    subscription = nc.subscribe(inbox, { callback: (_error, message) => onMessage(message) });
    pull();
  };

  const onMessage = (message: Msg): void => {
    heardAt = performance.now();
    const parsed = toQueueMessage(message);
    if (parsed === undefined) return onStatus(message, message.headers?.code ?? 100);
    asked = Math.max(0, asked - 1);
    inFlight += 1;
    pending = parsed.pending;
    givenAt = heardAt;
    void run(message, parsed);
    if (taking === undefined) return;
    taking.came += 1;
    if (taking.came >= taking.want) endTaking();
  };

  const onStatus = (message: Msg, code: number): void => {
    if (code === 100) return;
    // 404, 408: that pull is over, with so many of it left. 409, 503: something is not as it was: begin again.
    if (code === 404 || code === 408) {
      const left = Number(message.headers?.get("Nats-Pending-Messages") ?? Number.NaN);
      asked = Number.isNaN(left) ? 0 : Math.max(0, asked - left);
      endTaking();
      return pull();
    }
    if (!(code === 409 && /batch completed/i.test(message.headers?.description ?? ""))) {
      options.onProblem?.(`${String(code)} ${message.headers?.description ?? ""}`);
    }
    asked = 0;
    endTaking();
    setTimeout(pull, 250).unref();
  };

  const run = async (message: Msg, parsed: QueueMessage): Promise<void> => {
    let disposal: Disposal;
    const reply = message.reply ?? "";
    handling.add(reply);
    try {
      disposal = await options.handle(parsed);
    } catch (thrown) {
      options.onProblem?.(
        `a handler threw: ${thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)}`,
      );
      disposal = { kind: "retry", afterMs: 1_000 };
    }
    const fault = await connection.faults?.suffer(options.point, "before", about(parsed));
    if (fault === "twice") disposal = { kind: "retry", afterMs: 0 };
    if (!nc.isClosed() && fault !== "lose") {
      const word = disposal.kind === "ack" ? "+ACK" : `-NAK {"delay": ${String(disposal.afterMs * 1e6)}}`;
      outbox.publish(reply, word, "", "");
    }
    handling.delete(reply);
    await connection.faults?.suffer(options.point, "after", about(parsed));
    inFlight -= 1;
    if (stopped && inFlight === 0) whenIdle?.();
    pull();
  };

  const watchdog = setInterval(() => {
    // Q3: what is still being handled is not given to another; only a process that is gone says nothing.
    if (connection.connectedSince() !== undefined) {
      for (const reply of handling) outbox.publish(reply, "+WPI", "", "");
    }
    if (asked > 0 && performance.now() - heardAt > SILENCE_MS) open();
    else pull();
  }, 1_000);
  watchdog.unref();
  const offReconnect = connection.onReconnect(open);
  open();

  return {
    get inFlight() {
      return inFlight;
    },
    get isBehind() {
      return pending > 0 && performance.now() - givenAt < MOMENT_MS;
    },
    poke: pull,
    takeNow,
    async stop() {
      if (!stopped) {
        stopped = true;
        endTaking();
        clearInterval(watchdog);
        offReconnect();
        if (!nc.isClosed()) subscription?.unsubscribe();
      }
      if (inFlight > 0) await new Promise<void>((resolve) => (whenIdle = resolve));
    },
  };
}

/** What a fault may be tied to. */
const about = ({ subject, data }: QueueMessage): string => `${subject} ${Buffer.from(data).toString()}`;

const NO_HEADERS: ReadonlyMap<string, string> = new Map();

/** Takes the place in the stream from the reply subject, of the first or the second version. */
export function toQueueMessage(message: Msg): QueueMessage | undefined {
  const tokens = (message.reply ?? "").split(".");
  if (tokens[0] !== "$JS" || tokens[1] !== "ACK" || tokens.length < 9) return undefined;
  const at = tokens.length === 9 ? 2 : 4;
  return {
    subject: message.subject,
    data: message.data,
    // Decoded only where they are looked at.
    get headers() {
      const { headers } = message;
      return headers === undefined
        ? NO_HEADERS
        : new Map(headers.keys().map((name) => [name, headers.get(name)]));
    },
    stream: tokens[at] ?? "",
    sequence: Number(tokens[at + 3]),
    deliveries: Number(tokens[at + 2]),
    storedAt: Number((tokens[at + 5] ?? "0").slice(0, -6)),
    consumerSequence: Number(tokens[at + 4]),
    pending: Number(tokens[at + 6]),
  };
}
