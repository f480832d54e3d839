import { z } from "zod";
import { ActionRecord } from "./action.ts";
import { ActionError } from "./action-error.ts";
import { JetActionDefinition } from "./definitions.ts";
import type { DefinitionDocument } from "./document.ts";
import { ActionId, Json, Reference } from "./ids.ts";
import type { JetRecord, OpenAction } from "./jet.ts";
import type { SlotPlace } from "./limit.ts";
import { DeadLetter } from "./messages.ts";

/** What the endpoints of `api.ts` answer, where that is no record or definition. */

/** One thing wrong with a request or a document: where, and what. */
export const Fault = z.object({
  document: z.int().optional(),
  source: z.string().optional(),
  path: z.array(z.union([z.string(), z.number()])),
  message: z.string(),
});
export type Fault = z.infer<typeof Fault>;

export const ErrorBody = z.object({ code: z.string(), message: z.string(), details: Json.optional() });
export type ErrorBody = z.infer<typeof ErrorBody>;

/** A jet as the API shows it: an action that the caller may not read has no name, and nothing that it came with. */
export type JetView = Omit<JetRecord, "open" | "last"> & {
  open?: (Pick<OpenAction, "id" | "at"> & Partial<OpenAction>) | undefined;
  last?: (Omit<LastAction, "action"> & Partial<LastAction>) | undefined;
};
type LastAction = NonNullable<JetRecord["last"]>;

/** An action as the API shows it: one that waits for a slot says where it stands, one for a runner where there is none for it. */
export type ActionView = ActionRecord & { readonly place?: SlotPlace; readonly unserved?: true };

/** What `action.create` answers; with `wait` also how it ended. */
export const CreatedAction = z.object({
  actionId: ActionId,
  outcome: z.enum(["SUCCESS", "ERROR"]).optional(),
  result: Json.optional(),
  error: ActionError.optional(),
});
export type CreatedAction = z.infer<typeof CreatedAction>;

/** What `action.cancel` answers for one that waited for its jet: it is never made. */
export const CanceledTrigger = z.object({ id: ActionId, jet: Reference });
export type CanceledTrigger = z.infer<typeof CanceledTrigger>;

/** What `action.signal` answers: the action has been told. */
export const SignaledAction = z.object({ id: ActionId, name: z.string() });
export type SignaledAction = z.infer<typeof SignaledAction>;

/** What `action.approve` answers: the step that has its answer. */
export const ApprovedStep = z.object({ id: ActionId, step: z.string(), approved: z.boolean() });
export type ApprovedStep = z.infer<typeof ApprovedStep>;

/** What `action.pause`, `action.resume`, `action.cancel` and `action.rollback` answer: the action as it is then. */
export const ChangedAction = z.object({
  action: ActionRecord,
  /** It is paused as soon as what its runner has in hand is over. */
  pausing: z.boolean().optional(),
});
export type ChangedAction = z.infer<typeof ChangedAction>;

/** What `jet.trigger` and `jet.create` answer; with `wait` also how it ended. */
export const TriggerReply = z.object({
  actionId: ActionId.optional(),
  jet: Reference,
  state: Reference.optional(),
  queued: z.boolean().optional(),
  outcome: z.enum(["SUCCESS", "ERROR"]).optional(),
  result: Json.optional(),
  error: ActionError.optional(),
});
export type TriggerReply = z.infer<typeof TriggerReply>;

/** What `jet.target` answers: where the jet is, and where it is on its way; with `wait` also how that ended. */
export const TargetReply = z.object({
  jet: Reference,
  state: Reference.optional(),
  /** Absent where it is there, or nothing is left of it. */
  target: z.object({ id: ActionId, state: Reference }).optional(),
  /** The action that is open now. */
  actionId: ActionId.optional(),
  outcome: z.enum(["SUCCESS", "ERROR"]).optional(),
  error: ActionError.optional(),
});
export type TargetReply = z.infer<typeof TargetReply>;

/** The way of a jet to a state, action by action; none where it is there. */
export const PathReply = z.object({
  jet: Reference,
  from: Reference.optional(),
  state: Reference,
  items: z.array(JetActionDefinition),
});
export type PathReply = z.infer<typeof PathReply>;

/** One thing that a dry run would change: absent before = it would be added, absent after = taken away. */
export const PathChange = z.object({
  path: z.array(z.union([z.string(), z.number()])),
  before: Json.optional(),
  after: Json.optional(),
});
export type PathChange = z.infer<typeof PathChange>;

export const ImportReply = z.object({
  items: z.array(
    z.object({
      kind: z.string(),
      reference: Reference,
      change: z.enum(["created", "updated", "unchanged"]),
      /** Of a dry run, where it would be updated: what differs, of what the caller may read. */
      changes: z.array(PathChange).optional(),
      /** There is more than an answer holds. */
      isCut: z.boolean().optional(),
    }),
  ),
});
export type ImportReply = z.infer<typeof ImportReply>;

/** Something that names what was to be deleted. */
export const Use = z.object({ kind: z.enum(["Template", "Plan", "Jet", "Schedule"]), reference: Reference });
export type Use = z.infer<typeof Use>;

/** Documents by kind, and by reference within what a page has of it; whoever wants all in one order sorts. */
export interface ExportReply {
  readonly items: readonly DefinitionDocument[];
  readonly cursor?: string;
}

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
