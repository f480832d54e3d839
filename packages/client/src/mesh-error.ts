import type { ErrorCode } from "@jetmesh/protocol";

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

/** Whether a mesh refused, and with that code. */
export const isRefusal = (thrown: unknown, code: ErrorCode): thrown is MeshError =>
  thrown instanceof MeshError && thrown.code === code;
