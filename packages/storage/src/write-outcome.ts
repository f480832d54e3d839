import { JS_CODE } from "./errors.ts";
import { parseJson } from "./json.ts";
import type { Reply } from "./pipeline.ts";

/** How one try of one write came out. A lost compare-and-swap is a normal outcome (`reference/nats.md` §2.1). */
export type WriteOutcome =
  | { readonly kind: "written"; readonly sequence: number; readonly duplicate: boolean }
  /** Something else is there: not written. */
  | { readonly kind: "conflict" }
  /** Not written, for another write is on its way; what came of that one must be read. */
  | { readonly kind: "in_flight" }
  /** No answer: it may be written or not. */
  | { readonly kind: "unknown"; readonly why: "timeout" | "no_responders" | "closed" }
  | { readonly kind: "refused"; readonly code: number; readonly message: string };

interface PubAck {
  readonly seq?: number;
  readonly duplicate?: boolean;
  readonly error?: { readonly err_code?: number; readonly code?: number; readonly description?: string };
}

/** How the broker answered a write. */
export function readAck(reply: Reply): WriteOutcome {
  if (typeof reply === "string") {
    return reply === "too_large"
      ? { kind: "refused", code: 0, message: "larger than the broker takes" }
      : { kind: "unknown", why: reply };
  }
  const ack = parseJson(reply.data) as PubAck;
  if (ack.error === undefined)
    return { kind: "written", sequence: ack.seq ?? 0, duplicate: ack.duplicate === true };
  const code = ack.error.err_code ?? ack.error.code ?? 0;
  if (code === JS_CODE.wrongLastSequence) return { kind: "conflict" };
  if (code === JS_CODE.wrongLastSequenceInFlight) return { kind: "in_flight" };
  return { kind: "refused", code, message: ack.error.description ?? "refused by the broker" };
}
