import { z } from "zod";
import { JsonObject, TriggerSource } from "./action.ts";
import { DEFINITION_KEYS, MAX_LIMIT, Variables } from "./definitions.ts";
import { ActionId, Instant, Reference, Version } from "./ids.ts";

/** A trigger that a jet has accepted: enough to make its action again (design §4). */
export const AcceptedTrigger = z.object({
  id: ActionId,
  action: Reference,
  user: Reference,
  argument: JsonObject,
  /** What the plan sees before anything else of that name. */
  variables: Variables.optional(),
  trigger: TriggerSource,
  at: Instant,
  /** Although others require the jet where it is. */
  force: z.boolean().optional(),
  /** While it waited: it never runs, and leaves the queue once that is in the history. */
  canceled: z.object({ by: Reference, at: Instant }).optional(),
});
export type AcceptedTrigger = z.infer<typeof AcceptedTrigger>;

/** The open action of a jet: the trigger, and the state that the jet came from (absent = undefined). */
export const OpenAction = AcceptedTrigger.extend({
  from: Reference.optional(),
  rollback: z.boolean().optional(),
});
export type OpenAction = z.infer<typeof OpenAction>;

/** Where a jet is being brought, for whom, and how many hops it has taken. */
export const Target = z.object({
  id: ActionId,
  state: Reference,
  user: Reference,
  trigger: TriggerSource,
  at: Instant,
  hops: z.int().min(0),
});
export type Target = z.infer<typeof Target>;

/** A jet that this one requires, by which trigger, and in which of its own states it goes on requiring it. */
export const Hold = z.object({
  template: Reference,
  jet: Reference,
  state: Reference,
  id: ActionId,
  while: z.array(Reference),
});
export type Hold = z.infer<typeof Hold>;

/** The other end: who requires this jet, in which state. One that is not in its owner's record as well is freed. */
export const HeldBy = z.object({ jet: Reference, state: Reference, id: ActionId, at: Instant });
export type HeldBy = z.infer<typeof HeldBy>;
/** More than this hold no jet at a time. */
export const MAX_HELD_BY = 1_000;

/**
 * The record of a jet, the value of `jm_jets/<reference>`; written by state-stores alone. `state` absent means
 * undefined: new, or its creation failed. `incarnation` is the revision of the jet's first write, 0 in that
 * first write itself, whose revision it could not know.
 */
export const JetRecord = z.object({
  v: Version,
  reference: Reference,
  name: z.string(),
  template: Reference,
  state: Reference.optional(),
  open: OpenAction.optional(),
  target: Target.optional(),
  /** The last target that is over, and how: there, or why it was given up. */
  lastTarget: z
    .object({
      id: ActionId,
      state: Reference,
      outcome: z.enum(["SUCCESS", "ERROR"]),
      code: z.string().optional(),
      at: Instant,
    })
    .optional(),
  queue: z.array(AcceptedTrigger).max(256),
  /** Ids of the last 32 accepted triggers, newest last. */
  recent: z.array(ActionId).max(32),
  incarnation: z.int().min(0),
  users: z.array(Reference),
  managers: z.array(Reference),
  pool: Reference.optional(),
  variables: Variables,
  createdAt: Instant,
  changedAt: Instant,
  /** Set once it is destroyed: the record goes after a day, the name is free at once. */
  destroyedAt: Instant.optional(),
  holds: z.array(Hold).optional(),
  heldBy: z.array(HeldBy).max(MAX_HELD_BY).optional(),
  /** The action that last ended, and how. */
  last: z
    .object({ id: ActionId, action: Reference, outcome: z.enum(["SUCCESS", "ERROR"]), at: Instant })
    .optional(),
});
export type JetRecord = z.infer<typeof JetRecord>;

export const MAX_QUEUE = 256;
export const MAX_RECENT = 32;
/** A trigger older than this, by the broker's time, is refused (design §3). */
export const TRIGGER_EXPIRES_MS = 12 * 3_600_000;

/** The living jets of a template with a limit, each a slot: the value of `jm_definitions/template.<ref>.slots`. */
export const SlotsRecord = z.object({
  v: Version,
  /** False where the template has got its limit since: who takes a slot looks for the jets that there are. */
  isWhole: z.boolean(),
  /** Whoever writes again, also the same slot, writes something of its own. */
  slots: z.array(z.object({ jet: Reference, id: z.string(), at: Instant })).max(MAX_LIMIT * 2),
});
export type SlotsRecord = z.infer<typeof SlotsRecord>;
/** Of three tokens, so that who follows definitions does not see it. */
export const slotsKey = (template: string): string => `${DEFINITION_KEYS.Template}.${template}.slots`;

/**
 * Headers of a jet's record, so that repair needs no bodies: its open action, or that something waits; and that others
 * require it.
 */
export const JET_HEADERS = { open: "Jm-Open", waits: "Jm-Waits", held: "Jm-Held" } as const;
