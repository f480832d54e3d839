import { MAX_BODY_BYTES } from "./ids.ts";

/** A message body from outside, read: JSON in UTF-8, not too long and not nested beyond all reason. */
export type Body =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly code: "invalid_request" | "too_large"; readonly reason: string };

/** Deeper than any request has cause to be; parsers of ours descend by calling themselves. */
const MAX_DEPTH = 64;

const decoder = new TextDecoder("utf-8", { fatal: true });

/** An empty body is an empty request. */
export function readBody(data: Uint8Array): Body {
  if (data.length === 0) return { ok: true, value: {} };
  if (data.length > MAX_BODY_BYTES) {
    return { ok: false, code: "too_large", reason: `${data.length} bytes are more than ${MAX_BODY_BYTES}` };
  }
  if (depthOf(data) > MAX_DEPTH) {
    return { ok: false, code: "invalid_request", reason: `the body is nested deeper than ${MAX_DEPTH}` };
  }
  try {
    return { ok: true, value: JSON.parse(decoder.decode(data)) as unknown };
  } catch {
    return { ok: false, code: "invalid_request", reason: "the body is not JSON in UTF-8" };
  }
}

const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT, QUOTE, BACKSLASH] = [91, 93, 123, 125, 34, 92];

/** How deep lists and objects are nested, brackets within strings left out. */
function depthOf(data: Uint8Array): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < data.length; at += 1) {
    const byte = data[at];
    if (inString) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) deepest = Math.max(deepest, (depth += 1));
    else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth -= 1;
  }
  return deepest;
}
