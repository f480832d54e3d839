import type {
  ActionError,
  ActionErrorCode,
  ActionRecord,
  ErrorCode,
  Instant,
  JournalEntry,
  JsonObject,
  Note,
  OlderSteps,
  Signal,
  WorkflowStep,
} from "@jetmesh/protocol";

type Json = ActionRecord["result"];

/** What a method leaves behind with its answer; what is absent stays as it was. */
export interface Leavings {
  readonly bag?: JsonObject;
  readonly journal?: readonly JournalEntry[];
  readonly result?: Json;
  readonly steps?: readonly WorkflowStep[];
  readonly older?: OlderSteps;
  readonly signals?: readonly Signal[];
}

export type MainAnswer = Leavings &
  (
    | { readonly state: "SUCCESS" }
    | { readonly state: "ERROR"; readonly error: ActionError }
    /** `watchAt`: nothing is to be learnt before; absent = ask the watcher at once; null = not before it is told something. */
    | { readonly state: "IN_PROGRESS"; readonly watchAt?: Instant | null }
    | { readonly state: "THREW"; readonly error: ActionError }
  );

export type WatcherAnswer = Leavings &
  (
    | { readonly state: "SUCCESS" }
    | { readonly state: "ERROR"; readonly error: ActionError }
    | { readonly state: "IN_PROGRESS"; readonly watchAt?: Instant | null }
    | { readonly state: "SLEEPING" }
    | { readonly state: "PAUSED" }
    /** It threw, answered what is no state, or the kind has no watcher. */
    | { readonly state: "THREW"; readonly error: ActionError }
  );

/**
 * Everything that can happen to an action. Events with a nonce come from who holds the claim of that nonce, or
 * believes to.
 */
export type ActionEvent =
  /** A runner would take it. `holderDead`: the present holder is known dead (design §2). */
  | { readonly type: "resume"; readonly runner: string; readonly nonce: string; readonly holderDead: boolean }
  | { readonly type: "main_returned"; readonly nonce: string; readonly answer: MainAnswer }
  | { readonly type: "watcher_returned"; readonly nonce: string; readonly answer: WatcherAnswer }
  | { readonly type: "rollback_returned"; readonly nonce: string; readonly error?: ActionError }
  /** A step ended and the next began: the journal as it is now. */
  | { readonly type: "progressed"; readonly nonce: string; readonly left: Leavings }
  | { readonly type: "heartbeat"; readonly nonce: string }
  /** Somebody tells it something. By its holder, when it has the nonce; else by a state-store, where nobody holds it. */
  | { readonly type: "noted"; readonly nonce?: string; readonly note: Note }
  /** By the holder, between steps, when it has the nonce; else by a state-store, where nobody holds it. */
  | { readonly type: "pause"; readonly nonce?: string; readonly left?: Leavings }
  | { readonly type: "unpause" }
  /** It has all the slots that it waited for. */
  | { readonly type: "granted" }
  /** It is to end, but for what always runs: by its holder, when it has the nonce; else by a state-store. */
  | {
      readonly type: "cut";
      readonly nonce?: string;
      readonly why: ActionErrorCode;
      readonly message: string;
    }
  /** It ends at once. `left`: what a holder had in hand when it ended it. */
  | {
      readonly type: "cancel";
      readonly why: ActionErrorCode;
      readonly message: string;
      readonly left?: Leavings;
    }
  /** A state-store looks at the start delay and the deadline of an action that nobody holds, or only a dead holder. */
  | { readonly type: "expire"; readonly holderDead: boolean }
  /** Neither plan nor kind: straight to its end. */
  | { readonly type: "nothing_to_run" }
  | { readonly type: "owner_told" }
  | { readonly type: "rollback" };

/** What the shell is to do once the next record is written. */
export type ActionEffect =
  | { readonly type: "run"; readonly method: "main" | "watcher" | "rollback"; readonly last: boolean }
  /** The claim of this holder was taken over: its signal is to fire, its processes are to end. */
  | { readonly type: "abort"; readonly runner: string; readonly nonce: string }
  | { readonly type: "resume" }
  /** It has ended: whoever owns it is to be told. */
  | { readonly type: "tell" };

/** How long the record is to be kept from this write on. */
export type Expiry = "closed" | "rollback_window";

export type Unchanged =
  | "held"
  | "not_due"
  | "no_slot"
  | "not_begun"
  | "paused"
  | "not_paused"
  | "ended"
  | "not_ended"
  | "already"
  | "nothing_expired"
  | "full";

export type ActionDecision =
  | {
      readonly kind: "write";
      readonly next: ActionRecord;
      readonly effects: readonly ActionEffect[];
      readonly expiry?: Expiry;
    }
  | { readonly kind: "unchanged"; readonly why: Unchanged }
  | { readonly kind: "refused"; readonly code: ErrorCode; readonly message: string }
  /** A result from a holder whose claim is gone: kept in the history, never applied. */
  | { readonly kind: "late" };
