import type { Leavings, MainAnswer, Now, WatcherAnswer } from "@jetmesh/lifecycle";
import type {
  ActionCut,
  ActionError,
  ActionRecord,
  KindRecord,
  StepChild,
  StepChunk,
  SvcRequest,
  WorkflowStep,
} from "@jetmesh/protocol";
import type { Inbox } from "./inbox.ts";
import type { ActionOutput } from "./output.ts";

export type JetRequest = Omit<SvcRequest<"state-store.child-jet">, "v" | "parent" | "user">;
export type ChildRequest = Omit<SvcRequest<"state-store.child-create">, "v" | "parent" | "user">;

/**
 * What an action has done with other actions. State-stores make them; each request can be made again, and is, until it is
 * answered or the claim is gone. Gives the error where it is refused.
 */
export interface Workshop {
  /** Has an action made that the record names: one that is there already is left as it is. */
  make(child: ChildRequest): Promise<ActionError | undefined>;
  /** Has one canceled, also one that is not made yet: it is not made any more. */
  cancel(child: { readonly id: string; readonly kind: string }): Promise<ActionError | undefined>;
  /** Triggers another jet, or has it brought to a state, with the mesh's own rights. */
  trigger(jet: JetRequest): Promise<ActionError | undefined>;
  /** How that has ended; undefined while it goes on. */
  lookAtJet(asked: Omit<SvcRequest<"state-store.jet-look">, "v">): Promise<StepChild["end"]>;
  /** The living jets of a template. */
  jetsOf(template: string): Promise<{ readonly jets: readonly string[] } | { readonly error: ActionError }>;
  /** Has undone what one did, once it is closed, and waits for that. */
  rollBack(id: string): Promise<ActionError | undefined>;
  /** Tells another action something. */
  signal(
    to: string,
    signal: SvcRequest<"state-store.action-signal">["signal"],
  ): Promise<ActionError | undefined>;
}

/** The steps of a workflow that do not lie in its record any more (ADR 0035). */
export interface Shelf {
  /** Those of this attempt as the record was claimed, in the order of their ends. Throws `StepsLostError`. */
  load(): Promise<readonly WorkflowStep[]>;
  /** Writes chunks that the record names with its next write. False where the broker refuses them: the steps stay. */
  keep(chunks: readonly StepChunk[]): Promise<boolean>;
  /** Has the chunks of attempts before go. */
  dropLeft(): Promise<void>;
}

/** The values of secrets, for as long as whoever asked for them keeps them. */
export type ReadSecrets =
  | { readonly values: Readonly<Record<string, string>> }
  | { readonly error: ActionError };

/** Gives an action the secrets of its jet, of its template and of the mesh, in this order. */
export interface SecretReader {
  read(names: readonly string[]): Promise<ReadSecrets>;
}

/** What a method of a kind is given. */
export interface KindContext {
  /** The record as it was claimed. */
  readonly record: ActionRecord;
  /** Fires on cancel, when a delay ends, and when the claim is lost; its reason has a `code` and a `message`. */
  readonly signal: AbortSignal;
  /** The revision of the claim's write: grows with every claim of every action (the fencing token). */
  readonly fence: number;
  readonly output: ActionOutput;
  /** It is cut: nothing runs any more but what always runs; as it is now. Fires when that is written. */
  readonly cut: ActionCut | undefined;
  readonly cutSignal: AbortSignal;
  /** Somebody wants the action paused: a main that can go on later answers PAUSED when it comes to such a place. */
  readonly isPauseAsked: boolean;
  /** What the action is told while this runs, for kinds that take notes. */
  readonly inbox: Inbox | undefined;
  /** Other actions, for kinds that have some made. */
  readonly workshop: Workshop;
  readonly shelf: Shelf;
  readonly secrets: SecretReader;
  /** Whether more than half of what this runner may run at a time is free: a method may wait a moment then. */
  readonly hasRoom: boolean;
  now(): Now;
  /** Writes what is done so far. Throws `ClaimLostError` where the claim is not held any more. */
  progress(left: Leavings): Promise<void>;
  /** The delay of the present state counts from now on again. */
  heartbeat(): Promise<void>;
}

/** PAUSED only where `isPauseAsked`: resumed, the watcher is asked. */
export type KindAnswer = MainAnswer | (Leavings & { readonly state: "PAUSED" });

/** The code behind an action. */
export interface ActionKind {
  readonly name: string;
  /** What its actions are made with, where the mesh does not know it by itself. */
  readonly registers?: KindRecord;
  /** It takes what its actions are told from the inbox and writes it itself; else the runner writes it at once. */
  readonly takesNotes?: true;
  /** Its watcher may take as long as it likes. */
  readonly isPatient?: true;
  /** What the claim's own write leaves already; pure. */
  opening?(record: ActionRecord, now: Now): Leavings;
  /** Called before main and before each watcher. */
  init?(context: KindContext): Promise<void>;
  /** Called at most once per attempt. */
  main(context: KindContext): Promise<KindAnswer>;
  watcher?(context: KindContext): Promise<WatcherAnswer>;
  rollback?(context: KindContext): Promise<void>;
}

export class ClaimLostError extends Error {
  override readonly name = "ClaimLostError";
}

export class StepsLostError extends Error {
  override readonly name = "StepsLostError";
}

/** Why a signal fired. */
export interface AbortReason {
  readonly code: string;
  readonly message: string;
}
