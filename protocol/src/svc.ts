import { z } from "zod";
import { ActionRecord, JsonObject, StepChild } from "./action.ts";
import {
  ActionCreateRequest,
  ImportRequest,
  JetCreateRequest,
  JetDeleteRequest,
  JetPathRequest,
  JetTargetRequest,
  JetTriggerRequest,
  JetUpdateRequest,
  SecretDeleteRequest,
  SecretListRequest,
  SecretSetRequest,
} from "./api.ts";
import { AccessLevel, OnBusy } from "./definition-parts.ts";
import { DEFINITION_KEYS } from "./definitions.ts";
import { ActionId, Json, Reference, RunnerId, Version } from "./ids.ts";
import { KindRecord } from "./kind.ts";
import { Label, MAX_RUNNER_LABELS } from "./queue-name.ts";
import { CurveKey } from "./secret.ts";
import { Note, Signal } from "./workflow.ts";

/** What `jet-look` and `jets-of` answer. */
export const JetLook = z.object({ end: StepChild.shape.end });
export const JetsOf = z.object({ jets: z.array(Reference) });

/** What our services ask of each other on `jm.svc.<service>.<verb>` (design §5). */
const user = Reference;
const DefinitionKindName = z.enum(Object.keys(DEFINITION_KEYS) as (keyof typeof DEFINITION_KEYS)[]);

const definition = { user, kind: DefinitionKindName, reference: Reference };
const jetAction = { user, template: Reference, action: Reference };

/** One question to authz: may this user do this to that? */
export const AccessCheck = z.discriminatedUnion("operation", [
  z.object({ operation: z.literal("trigger"), user, jet: Reference, action: Reference }),
  z.object({ operation: z.literal("target"), user, jet: Reference, state: Reference }),
  z.object({ operation: z.literal("jet.create"), user, template: Reference }),
  z.object({ operation: z.enum(["jet.read", "jet.update", "jet.delete"]), user, jet: Reference }),
  z.object({ operation: z.literal("definition.read"), ...definition }),
  z.object({ operation: z.literal("definition.delete"), ...definition }),
  z.object({
    operation: z.literal("definition.write"),
    ...definition,
    /** Left out: an update. */
    change: z.enum(["create", "update"]).optional(),
    /**
     * Of a template: what it will be, and whether the user will be among its managers. Of a schedule its level; what it
     * does is asked about by itself.
     */
    after: z.object({ accessLevel: AccessLevel, isManaged: z.boolean() }).optional(),
  }),
  z.object({ operation: z.literal("action.read"), ...jetAction }),
  z.object({ operation: z.literal("action.delete"), ...jetAction }),
  z.object({
    operation: z.enum(["action.create", "action.update"]),
    ...jetAction,
    /** What it will be. */
    accessLevel: AccessLevel,
    /** Of a template that is made in the same write: whether the user will be among its managers. */
    isManaged: z.boolean().optional(),
  }),
  /** Whether lists of managers are shown. */
  z.object({ operation: z.literal("managers.read"), user }),
  /** A run: one of a jet goes by the jet and the action of it, any other by who asked for it. */
  z.object({
    operation: z.enum(["run.read", "run.change"]),
    user,
    owner: Reference,
    of: z
      .object({
        jet: Reference,
        incarnation: z.int(),
        action: Reference,
        /** The action's, as it was when the run was made: for one that its template has lost since. */
        accessLevel: AccessLevel,
      })
      .optional(),
  }),
  /** Makes an action of a kind, of no jet. */
  z.object({ operation: z.literal("run.create"), user, kind: Reference }),
  z.object({ operation: z.enum(["dead.read", "dead.replay"]), user }),
  /** To set, list and delete the secrets of a jet, of a template, or, where neither is named, of the mesh. */
  z.object({
    operation: z.literal("secret.change"),
    user,
    jet: Reference.optional(),
    template: Reference.optional(),
  }),
]);
export type AccessCheck = z.infer<typeof AccessCheck>;

export const AccessRequest = z.object({ v: Version, checks: z.array(AccessCheck).min(1).max(1_000) });
export type AccessRequest = z.infer<typeof AccessRequest>;

export const AccessAnswer = z.discriminatedUnion("allow", [
  z.object({ allow: z.literal(true) }),
  z.object({ allow: z.literal(false), code: z.string(), message: z.string() }),
]);
export type AccessAnswer = z.infer<typeof AccessAnswer>;
export const AccessReply = z.object({ v: Version, answers: z.array(AccessAnswer) });
export type AccessReply = z.infer<typeof AccessReply>;

/** What a user may ask of an action that has not ended. */
export const ActionCommand = z.enum(["pause", "resume", "cancel"]);
export type ActionCommand = z.infer<typeof ActionCommand>;

/** An API request that a gateway has parsed and authz has allowed, handed over to a state-store. */
const handedOver = {
  v: Version,
  user,
  key: z.string().min(1).max(200),
  keyed: z.boolean(),
  tell: z.string().max(64).optional(),
};
export const SVC_REQUESTS = {
  "state-store.import": z.object({ v: Version, user, request: ImportRequest }),
  "state-store.jet-create": z.object({ ...handedOver, request: JetCreateRequest }),
  "state-store.jet-trigger": z.object({
    ...handedOver,
    request: JetTriggerRequest,
    /** Authz has denied it: to be kept in the history, and answered so. */
    denied: z.object({ code: z.string(), message: z.string() }).optional(),
  }),
  "state-store.action-create": z.object({ ...handedOver, request: ActionCreateRequest }),
  /** An action that a workflow has written among its steps is made. */
  "state-store.child-create": z.object({
    v: Version,
    parent: ActionId,
    id: ActionId,
    user,
    request: ActionCreateRequest.omit({ v: true, wait: true, timeoutMs: true }),
  }),
  /** A workflow does not want it any more. */
  "state-store.child-cancel": z.object({ v: Version, parent: ActionId, id: ActionId, kind: Reference, user }),
  /** A step of a plan triggers another jet, or has it brought to a state, with the mesh's own rights. */
  "state-store.child-jet": z.object({
    v: Version,
    parent: ActionId,
    id: ActionId,
    user,
    jet: Reference,
    action: Reference.optional(),
    state: Reference.optional(),
    argument: JsonObject,
    onBusy: OnBusy,
  }),
  /** What has become of that, and which living jets a template has. */
  "state-store.jet-look": z.object({
    v: Version,
    id: ActionId,
    jet: z.string(),
    state: Reference.optional(),
  }),
  "state-store.jets-of": z.object({ v: Version, template: Reference }),
  /** What an action did is to be undone. */
  "state-store.action-rollback": z.object({ v: Version, user, id: ActionId, force: z.boolean().optional() }),
  /** Something is said to an action that has not ended. */
  "state-store.action-signal": z.object({
    v: Version,
    user,
    id: ActionId,
    signal: Signal.omit({ at: true, taken: true }),
  }),
  /** A person answers a step that waits for that; judged where the step is known. */
  "state-store.approve": z.object({
    v: Version,
    user,
    id: ActionId,
    step: z.string().optional(),
    approved: z.boolean(),
    comment: z.string(),
  }),
  /** A kind that a runner brings along. */
  "state-store.kind": z.object({ v: Version, kind: KindRecord }),
  /** A user would pause, resume or cancel an action. */
  "state-store.action-change": z.object({
    v: Version,
    user,
    id: ActionId,
    command: ActionCommand,
    /** Of a cancel: also where that leaves out what always runs. */
    force: z.boolean().optional(),
  }),
  /** Judged where it is decided: the path is, and each action on it. */
  "state-store.jet-target": z.object({ ...handedOver, request: JetTargetRequest }),
  "state-store.jet-path": z.object({ v: Version, user, request: JetPathRequest }),
  "state-store.jet-update": z.object({ v: Version, user, request: JetUpdateRequest }),
  "state-store.jet-delete": z.object({ v: Version, user, request: JetDeleteRequest }),
  /** A trigger that waits for the jet is not to run. */
  "state-store.waiting-cancel": z.object({ v: Version, user, jet: Reference, id: ActionId }),
  "state-store.definition-delete": z.object({ v: Version, ...definition }),
  /** How many run and wait under limits; of a single one also by its keys. Or where an action stands. */
  "state-store.limit-look": z.object({
    v: Version,
    references: z.array(Reference).max(1_000),
    cursor: z.string().optional(),
    limit: z.int().min(0).max(1_000).default(0),
    action: ActionId.optional(),
  }),
  "state-store.schedule-pause": z.object({ v: Version, user, reference: Reference, paused: z.boolean() }),
  /** Makes the consumer of a pool, if it is missing, and tells which queues of it a runner with these labels serves. */
  "state-store.pool": z.object({
    v: Version,
    pool: Reference,
    labels: z.array(Label).max(MAX_RUNNER_LABELS).optional(),
  }),
  /** Something that a service without the right to write could not process. */
  "state-store.dead": z.object({
    v: Version,
    stream: z.string().optional(),
    sequence: z.int().optional(),
    deliveries: z.int().optional(),
    subject: z.string(),
    reason: z.string(),
    code: z.string(),
    size: z.int(),
    data: z.string(),
  }),
  /** Sends a dead letter's message again where it came from. */
  "state-store.dead-replay": z.object({ v: Version, user, sequence: z.int().positive() }),
  /** Which key secrets are sealed to; a runner names its own, which becomes that where there is none yet. */
  "state-store.secret-key": z.object({ v: Version, publicKey: CurveKey.optional() }),
  "state-store.secret-set": z.object({ v: Version, user, request: SecretSetRequest }),
  "state-store.secret-list": z.object({ v: Version, user, request: SecretListRequest }),
  "state-store.secret-delete": z.object({ v: Version, user, request: SecretDeleteRequest }),
  "state-store.secret-rotate": z.object({ v: Version, user, publicKey: CurveKey.optional() }),
  /** A result that came after its holder's claim was taken over. */
  "state-store.late": z.object({
    v: Version,
    id: ActionId,
    runner: RunnerId,
    nonce: z.string(),
    state: z.string(),
    record: ActionRecord,
  }),
} as const;
export type SvcVerb = keyof typeof SVC_REQUESTS;
export type SvcRequest<V extends SvcVerb> = z.infer<(typeof SVC_REQUESTS)[V]>;

/**
 * Asked of the runner that holds an action: `abort` ends what it runs under the nonce; `cancel` also writes so, or has it cut
 * where something of it always runs; `pause` has it paused as soon as what it has in hand is over, `note` is answered when the
 * record has it.
 */
export const HolderQuestion = z.object({
  v: Version,
  ask: z.enum(["holding", "abort", "cancel", "pause", "note"]),
  id: ActionId,
  nonce: z.string(),
  /** Why it is canceled, and whether also where that leaves out what always runs. */
  message: z.string().max(1_000).optional(),
  force: z.boolean().optional(),
  /** What it is told. */
  note: Note.optional(),
});
export type HolderQuestion = z.infer<typeof HolderQuestion>;
export const HolderAnswer = z.object({
  v: Version,
  runner: RunnerId,
  answer: z.enum(["holding", "not_mine", "ended", "pausing", "noted", "full"]),
});
export type HolderAnswer = z.infer<typeof HolderAnswer>;

/** How a service says that it is well. */
export const Health = z.object({
  v: Version,
  service: z.string(),
  instance: z.string(),
  pid: z.int(),
  ready: z.boolean(),
  startedAt: z.string(),
  details: z.record(z.string(), Json).optional(),
});
export type Health = z.infer<typeof Health>;
