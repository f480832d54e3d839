import type { ActionError } from "@jetmesh/protocol";

const MAX_TEXT = 4_000;
const MAX_DEPTH = 5;
const MAX_ENTRIES = 50;

type Json = Exclude<ActionError["details"], undefined>;

/** Anything thrown, as data: cycles are cut, huge values shortened, and nothing here throws. */
export function serializeError(thrown: unknown, code: string): ActionError {
  try {
    if (thrown instanceof Error) {
      const details = cut({ ...thrown, ...(thrown.cause === undefined ? {} : { cause: thrown.cause }) }, MAX_DEPTH, new Set());
      const has = typeof details === "object" && details !== null && Object.keys(details).length > 0;
      return {
        code,
        message: text(thrown.message === "" ? thrown.name : thrown.message),
        ...(thrown.stack === undefined ? {} : { stack: text(thrown.stack) }),
        ...(has ? { details } : {}),
      };
    }
    return { code, message: text(typeof thrown === "string" ? thrown : `thrown: ${JSON.stringify(cut(thrown, 2, new Set()))}`) };
  } catch {
    return { code, message: "something was thrown that cannot be read" };
  }
}

const text = (value: string): string =>
  value.length <= MAX_TEXT ? value : `${value.slice(0, MAX_TEXT)} … (${String(value.length)} characters)`;

function cut(value: unknown, depth: number, above: Set<object>): Json {
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "string") return text(value);
  if (typeof value !== "object") return text(String(value));
  if (above.has(value)) return "[circular]";
  if (depth === 0) return "[deeper]";
  const inner = new Set(above).add(value);
  if (value instanceof Error) return { name: value.name, message: text(value.message) };
  if (Array.isArray(value)) return value.slice(0, MAX_ENTRIES).map((item) => cut(item, depth - 1, inner));
  return Object.fromEntries(Object.entries(value).slice(0, MAX_ENTRIES).map(([key, item]) => [key, cut(item, depth - 1, inner)]));
}
