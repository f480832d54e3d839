import { z } from "zod";
import { ActionRecord } from "./action.ts";
import { ImportRequest, JetCreateRequest, JetTriggerRequest } from "./api.ts";
import { DEFINITION_KEYS } from "./definitions.ts";
import { ActionId, Reference, RunnerId, Version } from "./ids.ts";

/** What our services ask of each other on `jm.svc.<service>.<verb>` (design §5). */
const user = Reference;
const DefinitionKindName = z.enum(Object.keys(DEFINITION_KEYS) as (keyof typeof DEFINITION_KEYS)[]);

/** One question to authz: may this user do this to that? */
export const AccessCheck = z.discriminatedUnion("operation", [
  z.object({ operation: z.literal("trigger"), user, jet: Reference, action: Reference }),
  z.object({ operation: z.literal("target"), user, jet: Reference, state: Reference }),
  z.object({ operation: z.literal("jet.create"), user, template: Reference }),
  z.object({ operation: z.enum(["jet.read", "jet.update", "jet.delete"]), user, jet: Reference }),
  z.object({
    operation: z.enum(["definition.read", "definition.write"]),
    user,
    kind: DefinitionKindName,
    reference: Reference,
  }),
  /** An action of no jet; one of a jet is read with the jet. */
  z.object({ operation: z.literal("run.read"), user, owner: Reference }),
  z.object({ operation: z.enum(["dead.read", "dead.replay"]), user }),
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
  /** Makes the consumer of a pool, if it is missing. */
  "state-store.pool": z.object({ v: Version, pool: Reference }),
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

/** Asked of the runner that holds an action: `abort` ends what it runs under the nonce. */
export const HolderQuestion = z.object({
  v: Version,
  ask: z.enum(["holding", "abort"]),
  id: ActionId,
  nonce: z.string(),
});
export type HolderQuestion = z.infer<typeof HolderQuestion>;
export const HolderAnswer = z.object({
  v: Version,
  runner: RunnerId,
  answer: z.enum(["holding", "not_mine", "ended"]),
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
  details: z.record(z.string(), z.json()).optional(),
});
export type Health = z.infer<typeof Health>;
