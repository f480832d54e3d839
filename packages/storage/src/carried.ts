import type { Sharded } from "./reshard-streams.ts";

/**
 * A record on its way into another stream, as resharding copies it; pure. What it says and what followers read of it
 * stay as they are, word for word, with two exceptions: its TTL becomes what is left of it, and a jet that does not
 * know its own incarnation, which is the revision of its first write, is told, for it gets another revision now.
 */
export interface StoredRecord {
  readonly key: string;
  readonly sequence: number;
  /** When the broker stored it, milliseconds. */
  readonly storedAt: number;
  readonly headers: ReadonlyMap<string, string>;
  readonly data: Uint8Array;
}

export interface Carried {
  readonly key: string;
  readonly data: Uint8Array;
  readonly headers: readonly (readonly [string, string])[];
  /** When it goes by itself, milliseconds; undefined: never. */
  readonly expiresAt: number | undefined;
  /** It says only that the key is gone. */
  readonly isMarker: boolean;
}

const TTL = "Nats-TTL";
const REASON = "Nats-Marker-Reason";
const decoder = new TextDecoder();
const encoder = new TextEncoder();

export function carry(record: StoredRecord, holds: Sharded): Carried {
  const { headers } = record;
  const ttlMs = parseTtl(headers.get(TTL));
  const isMarker = headers.has(REASON) || headers.has("KV-Operation");
  return {
    key: record.key,
    data: holds === "jets" && !isMarker ? withIncarnation(record) : record.data,
    // What the broker was told about the old write is over.
    headers: [...headers].filter(([name]) => name === REASON || !name.startsWith("Nats-")),
    expiresAt: ttlMs === undefined ? undefined : record.storedAt + ttlMs,
    isMarker,
  };
}

/** Read as plain JSON, not by a schema: what a newer process wrote into it stays in it. */
function withIncarnation({ data, sequence }: StoredRecord): Uint8Array {
  let jet: unknown;
  try {
    jet = JSON.parse(decoder.decode(data));
  } catch {
    // Unreadable where it lies and where it goes: somebody has to look at it, and can.
    return data;
  }
  if (typeof jet !== "object" || jet === null || !("incarnation" in jet) || jet.incarnation !== 0)
    return data;
  return encoder.encode(JSON.stringify({ ...jet, incarnation: sequence }));
}

const UNITS: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 };

/** Seconds, or as the broker writes it back: `1h0m0s`. Undefined where there is none, or it is `never`. */
export function parseTtl(text: string | undefined): number | undefined {
  if (text === undefined || text === "" || text === "never") return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1_000;
  if (!/^(\d+(\.\d+)?(h|ms|m|s))+$/.test(text)) throw new Error(`not a TTL: '${text}'`);
  let ms = 0;
  for (const [, count = "", unit = ""] of text.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g))
    ms += Number(count) * (UNITS[unit] ?? 0);
  return ms;
}

/** What is to be written of it at an instant: its TTL in whole seconds, never less than is left; nothing once it is over. */
export function remainingTtl({ expiresAt }: Carried, now: number): number | "none" | "over" {
  if (expiresAt === undefined) return "none";
  const left = expiresAt - now;
  return left <= 0 ? "over" : Math.ceil(left / 1_000) * 1_000;
}

/** A TTL counts in seconds, and the broker ends it a little late. */
const SLACK_MS = 3_000;

/** Whether what lies in the new stream is what was carried there, or what time has made of it. */
export function isArrived(carried: Carried, there: Carried | undefined, now: number): boolean {
  // What is over, or about to be, may be gone on either side first; of a key that is gone nothing is left to lose.
  const isOver = (one: Carried): boolean => one.expiresAt !== undefined && one.expiresAt - now < SLACK_MS;
  if (there === undefined || there.isMarker) return carried.isMarker || isOver(carried);
  if (carried.isMarker) return isOver(there);
  return (
    Buffer.from(carried.data).equals(there.data) &&
    JSON.stringify(carried.headers) === JSON.stringify(there.headers) &&
    (carried.expiresAt === undefined) === (there.expiresAt === undefined)
  );
}
