import { type ErrorCode, isErrorCode } from "@jetmesh/protocol";
import type { RemoteError } from "@jetmesh/storage";

/** A refusal on its way to the caller. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  readonly code: ErrorCode;
  readonly details: unknown;

  constructor(code: ErrorCode, message: string, details?: unknown) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/** What another service answered, as our own refusal. */
export const refusedBy = ({ code, message, details }: RemoteError): RefusedError =>
  new RefusedError(isErrorCode(code) ? code : "internal", message, details);
