import {
  createNames,
  DEFAULT_PREFIX,
  type Endpoint,
  type ErrorCode,
  isErrorCode,
  MESSAGE_ID_HEADER,
  type Names,
  type OnBusy,
} from "@jetmesh/protocol";
import { ask, type Connection, connectMesh, writeRepeatable } from "@jetmesh/storage";

/** What the mesh answered instead of a result: a code of `docs/errors.md`, a message, and sometimes details. */
export class MeshError extends Error {
  override readonly name = "MeshError";
  readonly code: ErrorCode;
  readonly details: unknown;

  constructor(code: ErrorCode, message: string, details?: unknown) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

export interface ClientOptions {
  readonly url: string;
  /** Who asks: a token of every subject that this client uses. */
  readonly user: string;
  readonly prefix?: string | undefined;
  readonly credsFile?: string | undefined;
  readonly name?: string | undefined;
}

export interface TriggerMessage {
  readonly argument?: Record<string, unknown>;
  readonly onBusy?: OnBusy;
  /** The same id by the same user is the same trigger, however often it is published. */
  readonly messageId?: string;
}

/** A program's end of the mesh. */
export interface MeshClient {
  readonly user: string;
  readonly names: Names;
  readonly connection: Connection;
  /**
   * Asks an endpoint. Throws `MeshError` for what the mesh refuses, `UnavailableError` where nobody answers in
   * `timeoutMs` (10 s by default; a request that waits gets what it waits on top).
   */
  request<T = unknown>(endpoint: Endpoint, body?: Record<string, unknown>, timeoutMs?: number): Promise<T>;
  /** Publishes a trigger and gives its sequence once the broker has it: accepted or refused is decided later. */
  publishTrigger(jet: string, action: string, message?: TriggerMessage): Promise<number>;
  close(): Promise<void>;
}

const REQUEST_MS = 10_000;

export async function connectClient(options: ClientOptions): Promise<MeshClient> {
  const { url, user, credsFile } = options;
  const names = createNames(options.prefix ?? DEFAULT_PREFIX);
  const connection = await connectMesh({ url, credsFile, name: options.name ?? `jetmesh client ${user}` });
  return {
    user,
    names,
    connection,
    async request<T>(endpoint: Endpoint, body: Record<string, unknown> = {}, timeoutMs = REQUEST_MS) {
      const waits =
        body["wait"] === true ? (typeof body["timeoutMs"] === "number" ? body["timeoutMs"] : 60_000) : 0;
      const answer = await ask(connection, names.api.of(user, endpoint), body, timeoutMs + waits);
      if (answer.ok) return answer.body as T;
      const { code, message, details } = answer.error;
      throw new MeshError(isErrorCode(code) ? code : "internal", message, details);
    },
    publishTrigger(jet, action, { messageId, ...body } = {}) {
      const headers: [string, string][] = messageId === undefined ? [] : [[MESSAGE_ID_HEADER, messageId]];
      return writeRepeatable(connection, names.trigger.of(user, jet, action), JSON.stringify(body), {
        point: "trigger.publish",
        headers,
      });
    },
    close: () => connection.close(),
  };
}
