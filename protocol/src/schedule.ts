import { z } from "zod";
import { cronFault, timeZoneFault } from "./cron.ts";
import { AccessLevel, Name, Note, OnBusy } from "./definition-parts.ts";
import { Duration } from "./duration.ts";
import { ActionId, Instant, Json, Reference, Version } from "./ids.ts";

const Argument = z.record(z.string(), Json).default({});

/** What a schedule does at each firing: triggers an action of a jet, or makes an action of a kind. */
export const ScheduledTrigger = z.strictObject({
  jet: Reference,
  action: Reference,
  argument: Argument,
  onBusy: OnBusy.optional(),
});
export type ScheduledTrigger = z.infer<typeof ScheduledTrigger>;
export const ScheduledCreate = z.strictObject({
  kind: Reference,
  argument: Argument,
  pool: Reference.optional(),
});
export type ScheduledCreate = z.infer<typeof ScheduledCreate>;

/** More often than this is no schedule: the broker's own grain is a quarter of a second. */
const LEAST_EVERY_MS = 1_000;

/** A schedule as people write it (ADR 0032). Who owns it is not written: it is who changed it last. */
export const ScheduleDefinition = z
  .strictObject({
    kind: z.literal("Schedule"),
    reference: Reference,
    name: Name,
    accessLevel: AccessLevel.default("manager"),
    cron: z.string().max(200).optional(),
    every: Duration.optional(),
    timeZone: z.string().max(100).default("UTC"),
    trigger: ScheduledTrigger.optional(),
    create: ScheduledCreate.optional(),
    /** What becomes of a firing while the action of an earlier one is open. */
    overlap: z.enum(["skip", "queue", "allow"]).default("skip"),
    /** What becomes of what fell due while nobody could see to it. */
    catchUp: z.enum(["none", "last"]).default("last"),
    catchUpWindow: Duration.default(3_600_000),
    paused: z.boolean().default(false),
    note: Note.default(""),
  })
  .superRefine((schedule, ctx) => {
    const fault = (path: string[], message: string | undefined): void => {
      if (message !== undefined) ctx.addIssue({ code: "custom", path, message });
    };
    const { cron, every, timeZone, trigger, create, overlap } = schedule;
    if ((cron === undefined) === (every === undefined)) fault([], "a schedule has either cron or every");
    if ((trigger === undefined) === (create === undefined))
      fault([], "a schedule has either trigger or create");
    if (cron !== undefined) fault(["cron"], cronFault(cron));
    if (every !== undefined && every < LEAST_EVERY_MS) fault(["every"], "must be 1s or more");
    fault(["timeZone"], timeZoneFault(timeZone));
    if (every !== undefined && timeZone !== "UTC") fault(["timeZone"], "goes with cron alone");
    if (overlap === "queue" && trigger === undefined)
      fault(["overlap"], "only what triggers a jet can wait for its turn");
    if (overlap === "queue" && trigger?.onBusy === "refuse")
      fault(["trigger", "onBusy"], "what is to wait for its turn cannot be refused");
  });
export type ScheduleDefinition = z.infer<typeof ScheduleDefinition>;

/** A firing that is decided and not over: whoever finds it carries it out. */
export const Firing = z.object({
  /** When it fell due. */
  at: Instant,
  id: ActionId,
  owner: Reference,
  /** As they were when it was decided: a schedule that is changed meanwhile changes nothing of it. */
  trigger: ScheduledTrigger.optional(),
  create: ScheduledCreate.optional(),
  /** It is not to do anything, and why. */
  leftOut: z.object({ code: z.enum(["firing_missed", "firing_overlaps"]), message: z.string() }).optional(),
  /** What fell due before it, and was left out. */
  missed: z.object({ from: Instant, until: Instant, id: ActionId }).optional(),
});
export type Firing = z.infer<typeof Firing>;

/** How a firing came out: it made or triggered its action, was refused that, or was left out. */
export const Fired = z.object({
  at: Instant,
  id: ActionId,
  outcome: z.enum(["begun", "refused", "left_out"]),
  code: z.string().optional(),
  message: z.string().optional(),
});
export type Fired = z.infer<typeof Fired>;

/** What a schedule is at: the value of `jm_definitions/schedule.<reference>.firings`, which decides what falls due. */
export const ScheduleRecord = z.object({
  v: Version,
  /** The state-store that wrote it: two never write the same. */
  by: z.string().max(64),
  /** What `next` was computed by. */
  timing: z.object({ cron: z.string().optional(), every: z.int().optional(), timeZone: z.string() }),
  /** When this timing was applied; what is to happen every so often is counted from here. */
  since: Instant,
  /** What falls due next; absent while it is paused. */
  next: Instant.optional(),
  firing: Firing.optional(),
  last: Fired.optional(),
  /** The last action that it made or triggered, which the next may not overlap. */
  begun: z.object({ at: Instant, id: ActionId }).optional(),
});
export type ScheduleRecord = z.infer<typeof ScheduleRecord>;

/** Of three tokens, so that who follows definitions does not see it. */
export const scheduleKey = (reference: string): string => `schedule.${reference}.firings`;
/** The records of all schedules, as followers name them. */
export const SCHEDULE_PATTERN = "schedule.*.firings";
/** The reference in such a key. */
export const scheduleOfKey = (key: string): string => key.split(".")[1] ?? "";

/** A schedule as the API shows it. */
export type ScheduleView = ScheduleDefinition & {
  /** With whose rights it fires; for managers. */
  readonly owner?: string;
  readonly next?: string;
  readonly last?: Fired;
};
