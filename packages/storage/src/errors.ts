/** The broker, or a service behind it, could not be reached in the time there was: nothing is known of the outcome. */
export class UnavailableError extends Error {
  override readonly name = "UnavailableError";
}

/** Nobody listens where something was asked: whatever it was, nobody has begun it. */
export class NobodyThereError extends UnavailableError {}

/** What somebody would connect by is not there, or is no key: nothing that goes away by waiting. */
export class CredentialsError extends Error {
  override readonly name = "CredentialsError";
}

/** The broker refused for good: a limit, a missing right, a missing stream. */
export class BrokerError extends Error {
  override readonly name = "BrokerError";
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

export const ensureError = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new Error(String(thrown));

/** JetStream's own codes, the few that decide something; here and nowhere else. */
export const JS_CODE = {
  wrongLastSequence: 10071,
  /** Another write to the subject is on its way through Raft: this one was not made, that one's outcome is open. */
  wrongLastSequenceInFlight: 10164,
  noMessage: 10037,
  /** To a delete of what is not there. */
  nothingToDelete: 10057,
  streamNotFound: 10059,
  consumerNotFound: 10014,
  consumerExists: 10148,
} as const;

/**
 * What a broker says that will pass by itself or when somebody helps it: no leader or too few nodes as yet, its disk or
 * its limits full, too much at once. The rest is for good.
 */
export const isTransient = (code: number): boolean => TRANSIENT.has(code);

const TRANSIENT = new Set([
  10_002, // resource limits exceeded for account
  10_004, // incomplete results
  10_005, // no peers for so many replicas
  10_007, // not assigned to this server
  10_008, // JetStream temporarily unavailable
  10_009, // not the leader
  10_023, // insufficient resources
  10_028, // insufficient memory
  10_047, // insufficient storage
  10_074, // more replicas than one asked of a node that has not found its cluster
  10_077, // the store failed
  10_118, // the stream is offline
  10_158, // another write with this message id is on its way
  10_167, // too many requests
]);

/**
 * What the client library throws, in our words: `UnavailableError` where it may work later, `BrokerError` where the
 * broker refused for good. Nobody listening there is what a stream without a leader looks like, and a broker that is
 * coming up; the client calls both "jetstream is not enabled".
 */
export function ofClient(thrown: unknown, what: string): Error {
  const error = ensureError(thrown);
  if (error instanceof UnavailableError || error instanceof BrokerError) return error;
  const refused = [error, error.cause].find((one) => codeOf(one) >= 10_000);
  const code = codeOf(refused);
  if (refused !== undefined && !isTransient(code)) return new BrokerError(code, ensureError(refused).message);
  if (refused === undefined && !PASSING.has(error.name)) return error;
  return new UnavailableError(`${what}: ${error.message}`, { cause: error });
}

const PASSING = new Set([
  "TimeoutError",
  "RequestError",
  "NoRespondersError",
  "ConnectionError",
  "ClosedConnectionError",
  "JetStreamNotEnabled",
  "JetStreamError",
  "JetStreamStatusError",
]);

export const codeOf = (thrown: unknown): number =>
  typeof thrown === "object" && thrown !== null && "code" in thrown && typeof thrown.code === "number"
    ? thrown.code
    : 0;
