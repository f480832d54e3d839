import { z } from "zod";
import { JsonObject, TriggerSource } from "./action.ts";
import { Variables } from "./definitions.ts";
import { ActionId, Instant, Reference, Version } from "./ids.ts";

/** A trigger that a jet has accepted: enough to make its action again (design §4). */
export const AcceptedTrigger = z.object({
  id: ActionId,
  action: Reference,
  user: Reference,
  argument: JsonObject,
  trigger: TriggerSource,
  at: Instant,
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

/** Headers of a jet's record, so that repair needs no bodies: its open action, or that something waits. */
export const JET_HEADERS = { open: "Jm-Open", waits: "Jm-Waits" } as const;
