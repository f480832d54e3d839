import { randomUUID } from "node:crypto";
import { API_PREFIX } from "@jetmesh/protocol";
import type { JetStreamClient, JetStreamManager } from "@nats-io/jetstream";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { createInbox, type NatsConnection } from "@nats-io/nats-core";
import { connect } from "@nats-io/transport-node";
import { CredentialsError, ensureError, UnavailableError } from "./errors.ts";
import { type Faults, parseFaults } from "./faults.ts";
import { createGroupCommit, type GroupCommit } from "./group-commit.ts";
import { authenticatorOf } from "./nkey.ts";
import { createOutbox, type Outbox } from "./outbox.ts";
import { createPipeline, type Pipeline } from "./pipeline.ts";

export interface ConnectionOptions {
  readonly url: string;
  /** Shown by `nats server report connections`. */
  readonly name: string;
  /** A file with the seed of an nkey, or with a JWT and a seed. */
  readonly credsFile?: string | undefined;
  /** Replies come below this, so that who asks for them need not be let listen to others'. */
  readonly inboxPrefix?: string | undefined;
  /** What the JetStream API of the mesh is called in the account that this connects to. */
  readonly apiPrefix?: string | undefined;
  readonly onStatus?: ((status: ConnectionStatus) => void) | undefined;
  /** Faults at named points, for tests alone (`faults.ts`). */
  readonly faults?: string | undefined;
}

export interface ConnectionStatus {
  readonly type: "disconnected" | "reconnected" | "closed" | "error";
  readonly detail: string;
}

/** One connection of one process, and what is built on it. */
export interface Connection {
  readonly nc: NatsConnection;
  readonly js: JetStreamClient;
  readonly jsm: JetStreamManager;
  readonly pipeline: Pipeline;
  readonly apiPrefix: string;
  /** A subject that replies to this connection alone may come to. */
  newInbox(): string;
  /** Writes to streams that take batches. */
  readonly groupCommit: GroupCommit;
  /** What needs no answer. */
  readonly outbox: Outbox;
  /** Absent in production. */
  readonly faults: Faults | undefined;
  /** Since when it has been connected without a break, by the monotonic clock; undefined while it is not. */
  connectedSince(): number | undefined;
  onReconnect(listener: () => void): () => void;
  readonly closed: Promise<void>;
  /** Sends what is buffered, then closes. Safe to call twice. */
  close(): Promise<void>;
}

/** First tries fail fast; a connection that was once made is made again for ever, first after 250 ms (design §2). */
export async function connectMesh(options: ConnectionOptions): Promise<Connection> {
  const { credsFile, inboxPrefix, apiPrefix = API_PREFIX } = options;
  const newInbox = (): string => createInbox(inboxPrefix);
  const authenticator = credsFile === undefined ? undefined : readCredentials(credsFile);
  let nc: NatsConnection;
  try {
    nc = await connect({
      servers: options.url.split(","),
      name: options.name,
      reconnect: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 250,
      reconnectJitter: 100,
      timeout: 3_000,
      // A broker, or a way to it, that is silent is given up after 4 to 6 s, before a runner has to end its work
      // for want of a renewal (10 s): in a cluster there are others.
      pingInterval: 2_000,
      maxPingOut: 2,
      ...(authenticator === undefined ? {} : { authenticator }),
      ...(inboxPrefix === undefined ? {} : { inboxPrefix }),
    });
  } catch (cause) {
    throw new UnavailableError(`cannot reach NATS at ${options.url}: ${ensureError(cause).message}`, {
      cause,
    });
  }
  const js = jetstream(nc, { timeout: 5_000, apiPrefix });
  const jsm = await jetstreamManager(nc, { timeout: 5_000, checkAPI: false, apiPrefix });
  const outbox = createOutbox(nc);
  const pipeline = createPipeline(nc, outbox, newInbox());
  const groupCommit = createGroupCommit(pipeline, outbox, randomUUID);
  const listeners = new Set<() => void>();
  let since: number | undefined = performance.now();

  const watch = async (): Promise<void> => {
    for await (const status of nc.status()) {
      if (status.type === "disconnect") {
        since = undefined;
        pipeline.interrupt();
        options.onStatus?.({ type: "disconnected", detail: status.server });
      } else if (status.type === "reconnect") {
        since = performance.now();
        pipeline.resume();
        options.onStatus?.({ type: "reconnected", detail: status.server });
        for (const listener of listeners) listener();
      } else if (status.type === "error") {
        options.onStatus?.({ type: "error", detail: status.error.message });
      }
    }
  };
  void watch();

  return {
    nc,
    js,
    jsm,
    pipeline,
    apiPrefix,
    newInbox,
    groupCommit,
    outbox,
    faults: options.faults === undefined ? undefined : parseFaults(options.faults),
    connectedSince: () => since,
    onReconnect: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    closed: nc.closed().then((error) => {
      options.onStatus?.({ type: "closed", detail: error instanceof Error ? error.message : "" });
    }),
    close: async () => {
      if (nc.isClosed()) return;
      pipeline.close();
      outbox.flush();
      // A drain waits for the broker; where it is away there is nothing to wait for.
      if (since !== undefined) await Promise.race([nc.drain().catch(() => undefined), wait(2_000)]);
      if (!nc.isClosed()) await nc.close();
    },
  };
}

function readCredentials(file: string): ReturnType<typeof authenticatorOf> {
  try {
    return authenticatorOf(file);
  } catch (cause) {
    throw new CredentialsError(`the credentials in ${file} cannot be used: ${ensureError(cause).message}`, {
      cause,
    });
  }
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());
