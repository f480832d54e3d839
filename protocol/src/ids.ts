import { z } from "zod";

/**
 * The names of things. Every one of them is a legal NATS token, so that it can stand in a subject or be a
 * key of a bucket without escaping; anything else is refused at the boundary (design §1).
 */
export const Reference = z
  .string()
  .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, "must be 1 to 63 of a-z 0-9 _ -, and begin with a letter or a digit");
export type Reference = z.infer<typeof Reference>;

/** An action's id: computed from what asked for it, never drawn (design §4). Lower-case hex or base32. */
export const ActionId = z.string().regex(/^[a-z0-9]{16,40}$/, "must be an action id");
export type ActionId = z.infer<typeof ActionId>;

/** A process that executes actions; new at each start of the process. */
export const RunnerId = z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, "must be a runner id");
export type RunnerId = z.infer<typeof RunnerId>;

/** An instant, ISO 8601 in UTC with milliseconds: compares as a string. */
export const Instant = z.iso.datetime({ precision: 3 });
export type Instant = z.infer<typeof Instant>;

export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/**
 * Any JSON. All that is parsed here comes from `JSON.parse`, which gives nothing else, and how deep it may be nested is
 * seen to where it comes in (`body.ts`): looking through it once more would take four times as long as all the rest.
 */
export const Json: z.ZodType<JsonValue> = z.unknown() as z.ZodType<JsonValue>;

/** The version of a schema: the only one so far. A reader accepts its own and every earlier one. */
export const Version = z.literal(1);

/** Longest message or request body accepted from outside, in bytes (design §5). */
export const MAX_BODY_BYTES = 512 * 1024;
/** Longest action record; one that would be longer ends in `too_large` (design §5). */
export const MAX_ACTION_BYTES = 768 * 1024;
/** How much of a dead message is kept, in bytes: one just under the broker's limit cannot be copied with headers. */
export const MAX_DEAD_BYTES = 64 * 1024;

/** Makes a reference of a name: trimmed, spaces to `_`, lower case, everything else dropped. */
export function referenceFromName(name: string): string {
  const slug = name
    .trim()
    .toLowerCase()
    .replace(/\s+/g, "_")
    .replace(/[^a-z0-9_-]/g, "")
    .replace(/^[_-]+/, "");
  return slug.slice(0, 63);
}
