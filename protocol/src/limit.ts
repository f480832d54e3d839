import { z } from "zod";
import { Name, Note } from "./definition-parts.ts";
import { Duration } from "./duration.ts";
import { ActionId, Instant, Reference, Version } from "./ids.ts";

/** More holders than this are not kept, for they are in one record. */
export const MAX_CONCURRENT = 1_000;
/** So many limits one plan or jet action may name. */
export const MAX_LIMITS_NAMED = 8;

/** At most so many begin in any such time, in the long run; `count` at once where nothing has begun for a while. */
export const Rate = z.strictObject({
  count: z.int().min(1).max(1_000_000),
  every: Duration,
});
export type Rate = z.infer<typeof Rate>;

/** How many actions may run at a time and how often they may begin, of those that name it or are of its pools. */
export const LimitDefinition = z
  .strictObject({
    kind: z.literal("Limit"),
    reference: Reference,
    name: Name,
    /** At a time; 0 = any number. */
    concurrency: z.int().min(0).max(MAX_CONCURRENT).default(0),
    rate: Rate.optional(),
    /** A template over what a plan sees as its action is made: slots of its own for each value. */
    per: z.string().min(1).max(1_000).optional(),
    /** Every action of these pools needs a slot, whatever it names. */
    pools: z.array(Reference).max(50).default([]),
    note: Note.default(""),
  })
  .superRefine(({ concurrency, rate }, ctx) => {
    if (concurrency === 0 && rate === undefined)
      ctx.addIssue({
        code: "custom",
        path: ["concurrency"],
        message: "limits nothing: give it a number, or a rate",
      });
    if (rate !== undefined && rate.every < 1_000)
      ctx.addIssue({ code: "custom", path: ["rate", "every"], message: "must be a second at least" });
  });
export type LimitDefinition = z.infer<typeof LimitDefinition>;

/** Which slots an action takes: of one limit those of one value, or those of its plan. */
export const SlotKey = z.object({
  /** `limit.<reference>`, `limit.<reference>.<hash of the value>`, `plan.<reference>`: a key of `jm_slots`. */
  key: z.string().regex(/^(limit|plan)\.[a-z0-9][a-z0-9_-]{0,62}(\.[0-9a-f]{26})?$/),
  value: z.string().optional(),
});
export type SlotKey = z.infer<typeof SlotKey>;

/** Of an action with limits: what it takes before it begins, and since when it has all of it. */
export const ActionSlots = z.object({
  keys: z.array(SlotKey).min(1),
  granted: Instant.optional(),
});
export type ActionSlots = z.infer<typeof ActionSlots>;

export const SlotHolder = z.object({ id: ActionId, since: Instant });
export type SlotHolder = z.infer<typeof SlotHolder>;

/** Who has the slots of one key: the value of `jm_slots/<key>`. */
export const KeySlots = z.object({
  v: Version,
  /** What the hash in its key is of. */
  value: z.string().optional(),
  holders: z.array(SlotHolder),
  /** Of a rate: when all that has begun is made up for, in milliseconds of the broker's time. */
  paidAtMs: z.number().optional(),
  /** Whoever writes it writes something of its own. */
  by: z.string(),
  at: Instant,
});
export type KeySlots = z.infer<typeof KeySlots>;

/** The limit or the plan whose numbers hold for a key. */
export function ownerOfSlots(key: string): { readonly kind: "Limit" | "Plan"; readonly reference: string } {
  const [kind, reference = ""] = key.split(".");
  return { kind: kind === "plan" ? "Plan" : "Limit", reference };
}

/** How many of a limit, or of one key of it. */
export const SlotCounts = z.object({
  running: z.int().min(0),
  waiting: z.int().min(0),
  /** Of those that run: between two attempts. */
  retrying: z.int().min(0),
});
export type SlotCounts = z.infer<typeof SlotCounts>;

export const KeyCounts = SlotCounts.extend({
  key: z.string(),
  /** Shown to whoever may change the limit. */
  value: z.string().optional(),
  /** Where its rate lets nothing begin: until when. */
  nextAt: Instant.optional(),
});
export type KeyCounts = z.infer<typeof KeyCounts>;

/** Where an action stands that waits for a slot: of the first key that has none for it. */
export const SlotPlace = z.object({
  key: z.string(),
  inUse: z.int().min(0),
  /** 0 = any number. */
  of: z.int().min(0),
  before: z.int().min(0),
  nextAt: Instant.optional(),
});
export type SlotPlace = z.infer<typeof SlotPlace>;

/** What a state-store knows of limits, and of one that waits. */
export const LimitLook = z.object({
  limits: z.array(SlotCounts.extend({ reference: Reference })),
  keys: z.array(KeyCounts).optional(),
  cursor: z.string().optional(),
  place: SlotPlace.optional(),
});
export type LimitLook = z.infer<typeof LimitLook>;

/** A limit as the API shows it: with what goes on under it, and of one alone by its keys. */
export type LimitView = LimitDefinition & {
  readonly slots?: SlotCounts & { keys?: KeyCounts[]; cursor?: string };
};

/** Of an action's header: since when it waits and for which slots; or that it has them, and waits for its next attempt. */
export type SlotsHeader =
  | { readonly kind: "waiting"; readonly since: string; readonly keys: readonly SlotKey[] }
  | { readonly kind: "retrying" };

interface OfRecord {
  readonly state: string;
  readonly createdAt: string;
  readonly timers: { readonly notBefore?: string | undefined };
  readonly slots?: ActionSlots | undefined;
}

/** Undefined where followers need not know. */
export function slotsHeaderOf({ state, createdAt, timers, slots }: OfRecord): string | undefined {
  if (slots === undefined || state !== "SLEEPING") return undefined;
  if (slots.granted !== undefined) return timers.notBefore === undefined ? undefined : "retrying";
  const keys = slots.keys.map(({ key, value }) =>
    value === undefined ? key : `${key}=${Buffer.from(value).toString("base64url")}`,
  );
  return [timers.notBefore ?? createdAt, ...keys].join(" ");
}

export function readSlotsHeader(text: string | undefined): SlotsHeader | undefined {
  if (text === undefined) return undefined;
  if (text === "retrying") return { kind: "retrying" };
  const [since = "", ...keys] = text.split(" ");
  return {
    kind: "waiting",
    since,
    keys: keys.map((one) => {
      const [key = "", value] = one.split("=");
      return value === undefined ? { key } : { key, value: Buffer.from(value, "base64url").toString() };
    }),
  };
}
