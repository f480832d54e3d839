import { z } from "zod";
import { ActionError, JsonObject } from "./action.ts";
import {
  OnBusy,
  PlanDefinition,
  StateDefinition,
  TemplateDefinition,
  UserDefinition,
  Variables,
} from "./definitions.ts";
import { ActionId, Reference, Version } from "./ids.ts";
import { DeadLetter } from "./messages.ts";

/**
 * What outside programs may ask of the mesh (design §5): one strict request schema per endpoint. A request that
 * an endpoint does not take is refused with `invalid_request` and every fault in `details.faults`.
 */
const versioned = { v: Version.optional() };
const wait = {
  wait: z.boolean().default(false),
  timeoutMs: z.int().min(1).max(3_600_000).default(60_000),
};
/** What makes a request idempotent: the same key by the same user is the same request. */
const key = { key: z.string().min(1).max(200).optional() };
const page = {
  cursor: z.string().max(200).optional(),
  limit: z.int().min(1).max(1_000).default(100),
};
const byReference = z.strictObject({ ...versioned, reference: Reference });
const list = z.strictObject({ ...versioned, ...page });
/** A dead letter's place in its stream. */
const bySequence = z.strictObject({ ...versioned, sequence: z.int().positive() });

export const ImportRequest = z.strictObject({
  ...versioned,
  documents: z
    .array(z.strictObject({ source: z.string().max(1_000).optional(), document: z.unknown() }))
    .min(1)
    .max(1_000),
  dryRun: z.boolean().default(false),
});
export type ImportRequest = z.infer<typeof ImportRequest>;

export const JetCreateRequest = z.strictObject({
  ...versioned,
  ...wait,
  ...key,
  template: Reference,
  reference: Reference.optional(),
  name: z.string().min(1).max(200).optional(),
  variables: Variables.default({}),
  users: z.array(Reference).max(10_000).default([]),
  managers: z.array(Reference).max(10_000).default([]),
});
export type JetCreateRequest = z.infer<typeof JetCreateRequest>;

export const JetTriggerRequest = z.strictObject({
  ...versioned,
  ...wait,
  ...key,
  jet: Reference,
  action: Reference,
  argument: JsonObject.default({}),
  onBusy: OnBusy.optional(),
});
export type JetTriggerRequest = z.infer<typeof JetTriggerRequest>;

/** Turns a definition's schema into the request of its `apply` endpoint, where the kind goes without saying. */
const applyOf = <T extends z.ZodType>(kind: string, definition: T): z.ZodType<z.infer<T>> =>
  z.preprocess(
    (value) => (typeof value === "object" && value !== null ? { kind, ...value } : value),
    definition,
  );

export const API_REQUESTS = {
  "template.apply": applyOf("Template", TemplateDefinition),
  "state.apply": applyOf("State", StateDefinition),
  "plan.apply": applyOf("Plan", PlanDefinition),
  "user.apply": applyOf("User", UserDefinition),
  "template.get": byReference,
  "state.get": byReference,
  "plan.get": byReference,
  "user.get": byReference,
  "template.list": list,
  "state.list": list,
  "plan.list": list,
  "user.list": list,
  import: ImportRequest,
  "jet.create": JetCreateRequest,
  "jet.get": byReference,
  "jet.list": z.strictObject({
    ...versioned,
    ...page,
    template: Reference.optional(),
    state: Reference.optional(),
  }),
  "jet.actions": byReference,
  "jet.trigger": JetTriggerRequest,
  "action.get": z.strictObject({ ...versioned, id: ActionId }),
  "action.list": z.strictObject({ ...versioned, ...page, jet: Reference.optional() }),
  "action.logs": z.strictObject({
    ...versioned,
    id: ActionId,
    after: z.int().min(0).default(0),
    limit: z.int().min(1).max(1_000).default(200),
  }),
  "dead.list": z.strictObject({
    ...versioned,
    ...page,
    /** The stream that the message was in. */
    stream: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/, "must be the name of a stream, or none")
      .optional(),
  }),
  "dead.get": bySequence,
  "dead.replay": bySequence,
} as const;

export type Endpoint = keyof typeof API_REQUESTS;
export type RequestOf<E extends Endpoint> = z.infer<(typeof API_REQUESTS)[E]>;
export const isEndpoint = (name: string): name is Endpoint => Object.hasOwn(API_REQUESTS, name);

/** One thing wrong with a request or a document: where, and what. */
export const Fault = z.object({
  document: z.int().optional(),
  source: z.string().optional(),
  path: z.array(z.union([z.string(), z.number()])),
  message: z.string(),
});
export type Fault = z.infer<typeof Fault>;

export const ErrorBody = z.object({ code: z.string(), message: z.string(), details: z.json().optional() });
export type ErrorBody = z.infer<typeof ErrorBody>;

/** What `jet.trigger` and `jet.create` answer; with `wait` also how it ended. */
export const TriggerReply = z.object({
  actionId: ActionId.optional(),
  jet: Reference,
  state: Reference.optional(),
  queued: z.boolean().optional(),
  outcome: z.enum(["SUCCESS", "ERROR"]).optional(),
  result: z.json().optional(),
  error: ActionError.optional(),
});
export type TriggerReply = z.infer<typeof TriggerReply>;

export const ImportReply = z.object({
  items: z.array(
    z.object({ kind: z.string(), reference: Reference, change: z.enum(["created", "updated", "unchanged"]) }),
  ),
});
export type ImportReply = z.infer<typeof ImportReply>;

export const LogChunk = z.object({
  seq: z.int(),
  step: z.string(),
  stream: z.string(),
  at: z.string(),
  data: z.string(),
});
export const LogsReply = z.object({ items: z.array(LogChunk), next: z.int() });
export type LogsReply = z.infer<typeof LogsReply>;

/** A dead letter with its place in `JM_DEAD`, which is its number; a list leaves the message itself out. */
export const NumberedLetter = DeadLetter.extend({ sequence: z.int().positive() });
export type NumberedLetter = z.infer<typeof NumberedLetter>;
export const LetterSummary = NumberedLetter.omit({ data: true });
export type LetterSummary = z.infer<typeof LetterSummary>;

/** What became of a letter: sent again, or removed because its trigger had had its effect after all. */
export const ReplayReply = z.discriminatedUnion("outcome", [
  z.object({
    outcome: z.literal("replayed"),
    sequence: z.int(),
    subject: z.string(),
    stream: z.string(),
    messageId: z.string().optional(),
  }),
  z.object({
    outcome: z.literal("had_effect"),
    sequence: z.int(),
    subject: z.string(),
    actionId: ActionId,
  }),
]);
export type ReplayReply = z.infer<typeof ReplayReply>;
