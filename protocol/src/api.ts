import { z } from "zod";
import { JsonObject } from "./action.ts";
import { OnBusy } from "./definition-parts.ts";
import {
  ActionDelays,
  PlanDefinition,
  RepeatPolicy,
  StateDefinition,
  TemplateDefinition,
  UserDefinition,
  Variables,
  VariablesDefinition,
} from "./definitions.ts";
import { DOCUMENT_KINDS } from "./document.ts";
import { ActionId, Instant, Json, Reference, Version } from "./ids.ts";
import { LimitDefinition } from "./limit.ts";
import { ScheduleDefinition } from "./schedule.ts";
import { CurveKey, Sealed } from "./secret.ts";
import { APPROVAL_SIGNAL, ValueName } from "./step-verbs.ts";

/**
 * What outside programs may ask of the mesh (design §5): one strict request schema per endpoint. A request that
 * an endpoint does not take is refused with `invalid_request` and every fault in `details.faults`.
 */
const versioned = { v: Version.optional() };
/** The longest that a request may wait for its action to end. */
export const MAX_WAIT_MS = 3_600_000;
const wait = {
  wait: z.boolean().default(false),
  timeoutMs: z.int().min(1).max(MAX_WAIT_MS).default(60_000),
};
/** What makes a request idempotent: the same key by the same user is the same request. */
const key = { key: z.string().min(1).max(200).optional() };
const page = {
  cursor: z.string().max(200).optional(),
  limit: z.int().min(1).max(1_000).default(100),
};
const byReference = z.strictObject({ ...versioned, reference: Reference });
const byId = z.strictObject({ ...versioned, id: ActionId });
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
  /** What its plan sees before anything else of that name; for who may change the jet. */
  variables: Variables.optional(),
  onBusy: OnBusy.optional(),
  /** Also where others require the jet in the state that it leaves; for its managers. */
  force: z.boolean().optional(),
});
export type JetTriggerRequest = z.infer<typeof JetTriggerRequest>;

/** An action of a kind that a runner has registered, of no jet. */
export const ActionCreateRequest = z.strictObject({
  ...versioned,
  ...wait,
  ...key,
  kind: Reference,
  argument: JsonObject.default({}),
  pool: Reference.optional(),
  /** Not to be begun before. */
  notBefore: Instant.optional(),
  delays: ActionDelays.default({}),
  repeat: RepeatPolicy.optional(),
});
export type ActionCreateRequest = z.infer<typeof ActionCreateRequest>;
/** Where a jet is to be brought; null cancels what is under way, but for the action that runs. */
export const JetTargetRequest = z.strictObject({
  ...versioned,
  ...wait,
  ...key,
  jet: Reference,
  state: Reference.nullable(),
});
export type JetTargetRequest = z.infer<typeof JetTargetRequest>;

export const JetPathRequest = z.strictObject({ ...versioned, jet: Reference, state: Reference });
export type JetPathRequest = z.infer<typeof JetPathRequest>;

/** What is left out stays as it is; variables, users and managers that are given take the place of those that were. */
export const JetUpdateRequest = z.strictObject({
  ...versioned,
  reference: Reference,
  name: z.string().min(1).max(200).optional(),
  variables: Variables.optional(),
  users: z.array(Reference).max(10_000).optional(),
  managers: z.array(Reference).max(10_000).optional(),
  /** Null: none of its own. */
  pool: Reference.nullable().optional(),
});
export type JetUpdateRequest = z.infer<typeof JetUpdateRequest>;

export const JetDeleteRequest = z.strictObject({
  ...versioned,
  reference: Reference,
  /** Also where other jets require it. */
  force: z.boolean().optional(),
});
export type JetDeleteRequest = z.infer<typeof JetDeleteRequest>;

/** Whose secret: a jet's, a template's, or, where neither is named, the mesh's. */
const inScope = { jet: Reference.optional(), template: Reference.optional() };
const isOneScope = ({
  jet,
  template,
}: {
  jet?: string | undefined;
  template?: string | undefined;
}): boolean => jet === undefined || template === undefined;
const ONE_SCOPE = "names one of jet, template at most";

/** The value comes sealed already. */
export const SecretSetRequest = z
  .strictObject({ ...versioned, ...inScope, name: ValueName, ...Sealed.shape })
  .refine(isOneScope, ONE_SCOPE);
export const SecretListRequest = z.strictObject({ ...versioned, ...inScope }).refine(isOneScope, ONE_SCOPE);
export const SecretDeleteRequest = z
  .strictObject({ ...versioned, ...inScope, name: ValueName })
  .refine(isOneScope, ONE_SCOPE);

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
  "schedule.apply": applyOf("Schedule", ScheduleDefinition),
  "variables.apply": applyOf("Variables", VariablesDefinition),
  "limit.apply": applyOf("Limit", LimitDefinition),
  "template.get": byReference,
  "state.get": byReference,
  "plan.get": byReference,
  "user.get": byReference,
  "schedule.get": byReference,
  "variables.get": byReference,
  /** With a page of its keys. */
  "limit.get": z.strictObject({ ...versioned, ...page, reference: Reference }),
  "template.delete": byReference,
  "state.delete": byReference,
  "plan.delete": byReference,
  "user.delete": byReference,
  "schedule.delete": byReference,
  "variables.delete": byReference,
  "limit.delete": byReference,
  "template.list": list,
  "state.list": list,
  "plan.list": list,
  "user.list": list,
  "schedule.list": list,
  "variables.list": list,
  "limit.list": list,
  "schedule.pause": byReference,
  "schedule.resume": byReference,
  "schedule.run": z.strictObject({ ...versioned, ...wait, ...key, reference: Reference }),
  import: ImportRequest,
  export: z.strictObject({
    ...versioned,
    ...page,
    /** All kinds where it is left out. */
    kinds: z.array(z.enum(DOCUMENT_KINDS)).min(1).max(DOCUMENT_KINDS.length).optional(),
  }),
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
  "action.create": ActionCreateRequest,
  "action.get": byId,
  "action.pause": byId,
  "action.resume": byId,
  "jet.path": JetPathRequest,
  "jet.target": JetTargetRequest,
  "jet.update": JetUpdateRequest,
  "jet.delete": JetDeleteRequest,
  "action.list": z.strictObject({ ...versioned, ...page, jet: Reference.optional() }),
  "action.steps": z.strictObject({ ...versioned, ...page, id: ActionId }),
  "action.logs": z.strictObject({
    ...versioned,
    id: ActionId,
    after: z.int().min(0).default(0),
    limit: z.int().min(1).max(1_000).default(200),
  }),
  /** Of a trigger that waits for a jet; where the jet is not named it is looked for. */
  "action.rollback": z.strictObject({ ...versioned, id: ActionId, force: z.boolean().optional() }),
  "action.signal": z.strictObject({
    ...versioned,
    ...key,
    id: ActionId,
    name: z
      .string()
      .min(1)
      .max(100)
      .refine((name) => !name.startsWith(APPROVAL_SIGNAL), "an approval is given by action.approve"),
    payload: Json.optional(),
  }),
  /** `step`: as the journal names it; may be left out where one alone waits. */
  "action.approve": z.strictObject({
    ...versioned,
    id: ActionId,
    step: z.string().min(1).max(1_000).optional(),
    approved: z.boolean().default(true),
    comment: z.string().max(2_000).default(""),
  }),
  "action.cancel": z.strictObject({
    ...versioned,
    id: ActionId,
    jet: Reference.optional(),
    /** Also where that leaves out what its plans always run. */
    force: z.boolean().optional(),
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
  /** Which key secrets are to be sealed to. */
  "secret.key": z.strictObject({ ...versioned }),
  "secret.set": SecretSetRequest,
  "secret.list": SecretListRequest,
  "secret.delete": SecretDeleteRequest,
  /** To a key that runners hold already; without one it goes on with what is sealed to an older key. */
  "secret.rotate-key": z.strictObject({ ...versioned, publicKey: CurveKey.optional() }),
} as const;

export type Endpoint = keyof typeof API_REQUESTS;
export type RequestOf<E extends Endpoint> = z.infer<(typeof API_REQUESTS)[E]>;
/** What a program sends: defaults may be left out. Of a definition its kind goes without saying. */
export type AskOf<E extends Endpoint> = E extends keyof Applied
  ? Omit<z.input<Applied[E]>, "kind">
  : z.input<(typeof API_REQUESTS)[E]>;
interface Applied {
  "template.apply": typeof TemplateDefinition;
  "state.apply": typeof StateDefinition;
  "plan.apply": typeof PlanDefinition;
  "user.apply": typeof UserDefinition;
  "schedule.apply": typeof ScheduleDefinition;
  "variables.apply": typeof VariablesDefinition;
  "limit.apply": typeof LimitDefinition;
}
export const isEndpoint = (name: string): name is Endpoint => Object.hasOwn(API_REQUESTS, name);

/** Whether asking twice is as asking once, whatever became of the first: nothing is changed by it. */
export const isReading = (endpoint: Endpoint): boolean =>
  /\.(get|list|actions|path|steps|logs|key)$/.test(endpoint) || endpoint === "export";
