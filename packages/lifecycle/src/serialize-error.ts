import type { ActionError } from "@jetmesh/protocol";

const MAX_TEXT = 4_000;
const MAX_DEPTH = 5;
const MAX_ENTRIES = 50;
/** Of all details together: breadth to the power of depth would unfold a small graph into millions of values. */
const MAX_DETAILS = 32_000;

type Json = Exclude<ActionError["details"], undefined>;

/** Anything thrown, as data: cycles are cut, huge values shortened, and nothing here throws. */
export function serializeError(thrown: unknown, code: string): ActionError {
  try {
    const room = { left: MAX_DETAILS };
    if (thrown instanceof Error) {
      const details = cut(
        {
          ...Object.fromEntries(Object.entries(thrown)),
          ...(thrown.cause === undefined ? {} : { cause: thrown.cause }),
        },
        MAX_DEPTH,
        new Set(),
        room,
      );
      const has = typeof details === "object" && details !== null && Object.keys(details).length > 0;
      return {
        code,
        message: text(thrown.message === "" ? thrown.name : thrown.message),
        ...(thrown.stack === undefined ? {} : { stack: text(thrown.stack) }),
        ...(has ? { details } : {}),
      };
    }
    return {
      code,
      message: text(
        typeof thrown === "string" ? thrown : `thrown: ${JSON.stringify(cut(thrown, 2, new Set(), room))}`,
      ),
    };
  } catch {
    return { code, message: "something was thrown that cannot be read" };
  }
}

/** The types say that a message is a string; whoever threw may not have kept to them. */
function text(given: unknown): string {
  const value = String(given);
  return value.length <= MAX_TEXT
    ? value
    : `${value.slice(0, MAX_TEXT)} … (${String(value.length)} characters)`;
}

function cut(value: unknown, depth: number, above: Set<object>, room: { left: number }): Json {
  if (room.left <= 0) return "[cut]";
  room.left -= 8;
  if (value === null || typeof value === "boolean") return value;
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value !== "object") return take(value, room);
  if (above.has(value)) return "[circular]";
  if (depth === 0) return "[deeper]";
  const inner = new Set(above).add(value);
  if (value instanceof Error) return { name: take(value.name, room), message: take(value.message, room) };
  if (Array.isArray(value))
    return value.slice(0, MAX_ENTRIES).map((item) => cut(item, depth - 1, inner, room));
  return Object.fromEntries(
    Object.entries(value)
      .slice(0, MAX_ENTRIES)
      .map(([key, item]) => [take(key, room), cut(item, depth - 1, inner, room)]),
  );
}

function take(value: unknown, room: { left: number }): string {
  const taken = text(value);
  room.left -= taken.length;
  return taken;
}
