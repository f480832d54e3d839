/** The broker, or a service behind it, could not be reached in the time there was: nothing is known of the outcome. */
export class UnavailableError extends Error {
  override readonly name = "UnavailableError";
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
