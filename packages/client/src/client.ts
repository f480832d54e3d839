import {
  type ActionRecord,
  type AskOf,
  createNames,
  DEFAULT_PREFIX,
  type Endpoint,
  inboxPrefixOf,
  isErrorCode,
  isReading,
  MESSAGE_ID_HEADER,
  type Names,
  type OnBusy,
} from "@jetmesh/protocol";
import {
  type Answer,
  ask,
  type Connection,
  connectMesh,
  NobodyThereError,
  namesOfMesh,
  writeRepeatable,
} from "@jetmesh/storage";
import type { Asks } from "./asks.ts";
import { MeshError } from "./mesh-error.ts";
import { allPages } from "./pages.ts";
import type { ItemOf, ListEndpoint, ReplyOf } from "./replies.ts";
import { untilEnded } from "./until-ended.ts";

export interface ClientOptions {
  readonly url: string;
  /** Who asks: a token of every subject that this client uses. */
  readonly user: string;
  readonly prefix?: string | undefined;
  /** How many shards the mesh has, where that is known and its buckets are to be read; `meshNames` finds it out. */
  readonly shards?: number | undefined;
  readonly credsFile?: string | undefined;
  readonly name?: string | undefined;
  /** Faults at named points, for tests alone. */
  readonly faults?: string | undefined;
}

export interface TriggerMessage {
  readonly argument?: Record<string, unknown>;
  /** What the plan sees before anything else of that name; for who may change the jet. */
  readonly variables?: Record<string, unknown>;
  readonly onBusy?: OnBusy;
  /** The same id by the same user is the same trigger, however often it is published. */
  readonly messageId?: string;
}

/** A program's end of the mesh. */
export interface MeshClient extends Asks {
  readonly user: string;
  /** Enough for subjects; who reads the buckets of jets and actions needs `meshNames`. */
  readonly names: Names;
  /** The names with the number of shards that the mesh has, read from the broker. */
  meshNames(): Promise<Names>;
  readonly connection: Connection;
  /** As `request`, with the types of the endpoint. */
  call<E extends Endpoint>(endpoint: E, ask: AskOf<E>, timeoutMs?: number): Promise<ReplyOf<E>>;
  /** Everything that a list has, page after page; `limit` is that of a page. */
  pages<E extends ListEndpoint>(endpoint: E, filter?: AskOf<E>): AsyncGenerator<ItemOf<E>, void, undefined>;
  /** The action once it has ended, however it did; throws `MeshError` of `wait_timeout` where it goes on longer. */
  ended(actionId: string, timeoutMs?: number): Promise<ActionRecord>;
  /** Publishes a trigger and gives its sequence once the broker has it: accepted or refused is decided later. */
  publishTrigger(jet: string, action: string, message?: TriggerMessage): Promise<number>;
  close(): Promise<void>;
}

const REQUEST_MS = 10_000;

/**
 * A gateway may be just starting, or the broker reading its keys: measured with 2.15.1, it then says for some 10 ms that
 * JetStream is not enabled. Where nobody listens nobody has it, so that it may be sent again; what only reads, always.
 */
const PATIENCE_MS = 1_000;
const AGAIN_MS = 50;

async function askPatiently(
  connection: Connection,
  { subject, reads }: { readonly subject: string; readonly reads: boolean },
  body: unknown,
  timeoutMs: number,
): Promise<Answer> {
  for (const until = performance.now() + PATIENCE_MS; ; ) {
    const isOver = (): boolean => performance.now() > until;
    try {
      const answer = await ask(connection, subject, body, timeoutMs);
      if (answer.ok || !reads || answer.error.code !== "unavailable" || isOver()) return answer;
    } catch (thrown) {
      if (!(thrown instanceof NobodyThereError) || isOver()) throw thrown;
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

export async function connectClient(options: ClientOptions): Promise<MeshClient> {
  const { url, user, credsFile, faults } = options;
  const names = createNames(options.prefix ?? DEFAULT_PREFIX, options.shards);
  const connection = await connectMesh({
    url,
    credsFile,
    // Who has credentials may be let listen to answers of their own alone.
    ...(credsFile === undefined ? {} : { inboxPrefix: inboxPrefixOf(user) }),
    faults,
    name: options.name ?? `jetmesh client ${user}`,
  });
  const client: MeshClient = {
    user,
    names,
    meshNames: () => namesOfMesh(connection, names),
    connection,
    async request<T>(endpoint: Endpoint, body: Record<string, unknown> = {}, timeoutMs = REQUEST_MS) {
      const waits =
        body["wait"] === true ? (typeof body["timeoutMs"] === "number" ? body["timeoutMs"] : 60_000) : 0;
      const question = { subject: names.api.of(user, endpoint), reads: isReading(endpoint) };
      const answer = await askPatiently(connection, question, body, timeoutMs + waits);
      if (answer.ok) return answer.body as T;
      const { code, message, details } = answer.error;
      throw new MeshError(isErrorCode(code) ? code : "internal", message, details);
    },
    call: (endpoint, body, timeoutMs) => client.request(endpoint, body, timeoutMs),
    pages: (endpoint, filter) => allPages(client, endpoint, filter),
    ended: (id, timeoutMs) => untilEnded(client, id, timeoutMs),
    publishTrigger(jet, action, { messageId, ...body } = {}) {
      const headers: [string, string][] = messageId === undefined ? [] : [[MESSAGE_ID_HEADER, messageId]];
      return writeRepeatable(connection, names.trigger.of(user, jet, action), JSON.stringify(body), {
        point: "trigger.publish",
        headers,
        // The broker knows an id for a tenth of a second, whoever sent it, and drops what has the same: this may be
        // another user's. Stored twice by one user it is one trigger.
        untilStored: true,
      });
    },
    close: () => connection.close(),
  };
  return client;
}
