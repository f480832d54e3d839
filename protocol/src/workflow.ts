import { z } from "zod";
import { ActionError } from "./action-error.ts";
import { ActionId, Instant, Json, Version } from "./ids.ts";

/**
 * What a workflow keeps of its steps in its record (ADR 0033), in the order in which it began them. The code is run again
 * from its start whenever something has ended, and each step that has an end is given that end in place of being done; in
 * the order of their ends, so that the code takes the same way each time.
 */
const StepEnd = z.object({
  /** The how manieth end it was, from 0. */
  order: z.int().min(0),
  at: Instant,
  outcome: z.enum(["SUCCESS", "ERROR"]),
  result: Json.optional(),
  error: ActionError.optional(),
});

export const WorkflowStep = z.object({
  /** The how manieth step of the attempt it is, from 0; as it stands in its record where this is left out. */
  place: z.int().min(0).optional(),
  /** Its name in the code, and the how manieth use of that name it is, from 0. */
  ref: z.string().min(1).max(100),
  n: z.int().min(0),
  what: z.enum(["action", "call", "sleep", "wait", "signal"]),
  /** The kind of an action; the name of a signal that is sent or waited for. */
  of: z.string().max(100).optional(),
  /** Of an action: its id, computed from the workflow's own. */
  child: ActionId.optional(),
  at: Instant,
  /** Of a sleep, and of a wait that does not last for ever. */
  until: Instant.optional(),
  /** The action was made: nobody need ask for it again. */
  made: z.literal(true).optional(),
  /** It is not wanted any more: to be canceled, or canceled already. */
  cancel: z.enum(["asked", "done"]).optional(),
  /** Goes on when its workflow has ended. */
  detached: z.literal(true).optional(),
  end: StepEnd.optional(),
});
export type WorkflowStep = z.infer<typeof WorkflowStep>;

/** More steps than these one attempt of a workflow does not have. */
export const MAX_STEPS = 100_000;

/**
 * Where the steps of a workflow are that are over and do not lie in its record any more (ADR 0035): in chunks with numbers,
 * in the order of their ends.
 */
export const OlderSteps = z.object({
  /** How many there are of this attempt: those that ended first. */
  steps: z.int().min(0),
  /** This attempt's chunks: from this number on, up to `next`, which is the number of the chunk that comes next. */
  first: z.int().min(0),
  next: z.int().min(0),
  /** Chunks from here up to `first` are of attempts before, and are to go. */
  from: z.int().min(0),
  /** The mark of the last chunk, by which a chunk is known that is none of this record's. */
  mark: z.string().max(16),
});
export type OlderSteps = z.infer<typeof OlderSteps>;

/** The value of `jm_steps/<action id>.<number>`: so many steps of a workflow, each with its end. */
export const StepChunk = z.object({
  v: Version,
  id: ActionId,
  number: z.int().min(0),
  attempt: z.int().min(1),
  /** Made of the mark before it and of what it holds. */
  mark: z.string().max(16),
  before: z.string().max(16),
  steps: z.array(WorkflowStep),
});
export type StepChunk = z.infer<typeof StepChunk>;

/** Something that a program said to an action, kept until it is taken. */
export const Signal = z.object({
  /** Of whoever sent it: the same one sent again is the same signal. */
  id: z.string().min(1).max(200),
  name: z.string().min(1).max(100),
  payload: Json.optional(),
  at: Instant,
  /** Taken: kept without its payload for a while, so that it is known if it comes again. */
  taken: z.literal(true).optional(),
});
export type Signal = z.infer<typeof Signal>;

/** More signals than these do not wait for one action. */
export const MAX_SIGNALS = 256;

/** What others tell an action that has not ended. */
export const Note = z.discriminatedUnion("of", [
  z.object({
    of: z.literal("child"),
    child: ActionId,
    outcome: z.enum(["SUCCESS", "ERROR"]),
    result: Json.optional(),
    error: ActionError.optional(),
  }),
  z.object({ of: z.literal("signal"), signal: Signal }),
  /** It is to be paused as soon as what its holder has in hand is over, whoever holds it then. */
  z.object({ of: z.literal("pause") }),
  /** The action that is the same as this one has ended. */
  z.object({
    of: z.literal("leader"),
    leader: ActionId,
    outcome: z.enum(["SUCCESS", "ERROR"]),
    result: Json.optional(),
    error: ActionError.optional(),
  }),
]);
export type Note = z.infer<typeof Note>;
