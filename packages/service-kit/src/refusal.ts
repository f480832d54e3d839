import { ERROR_CODES, type ErrorCode, isErrorCode } from "@jetmesh/protocol";
import type { RemoteError } from "@jetmesh/storage";

/** A refusal as a value: what a caller is told, and what the history keeps. */
export interface Refusal {
  readonly code: ErrorCode;
  readonly message: string;
  readonly details?: unknown;
}

/** Thrown across a handler, caught where a request is answered; never for a lost race. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  readonly refusal: Refusal;

  constructor(code: ErrorCode, message: string, details?: unknown) {
    super(message);
    this.refusal = { code, message, ...(details === undefined ? {} : { details }) };
  }
}

/** A code that came over the wire. */
export const errorCode = (code: string): ErrorCode => (isErrorCode(code) ? code : "internal");
export const statusOf = (code: ErrorCode): number => ERROR_CODES[code].status;

/** What another service answered, as our own refusal. */
export const refusedBy = ({ code, message, details }: RemoteError): RefusedError =>
  new RefusedError(errorCode(code), message, details);
