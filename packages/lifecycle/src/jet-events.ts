import type {
  AcceptedTrigger,
  ErrorCode,
  Hold,
  JetActionDefinition,
  JetRecord,
  OnBusy,
  OpenAction,
  Target,
  TemplateDefinition,
  TriggerSource,
} from "@jetmesh/protocol";

/** What authz, requirements and limits said of a trigger, asked before: facts, not decided here. */
export interface TriggerFacts {
  readonly access:
    | { readonly allow: true }
    | { readonly allow: false; readonly code: ErrorCode; readonly message: string };
  readonly unmet?: string | undefined;
  /** What it requires is being brought up: it waits its turn, also where the jet is idle. */
  readonly waits?: boolean | undefined;
  /** What the jet holds once it begins; absent where that does not change. */
  readonly holds?: readonly Hold[] | undefined;
  readonly limitReached?: boolean | undefined;
  /** Asked for more than 12 h ago, by the broker's time. */
  readonly expired: boolean;
}

export type JetEvent =
  | {
      readonly type: "trigger";
      readonly trigger: AcceptedTrigger;
      readonly onBusy: OnBusy;
      readonly template: TemplateDefinition;
      readonly facts: TriggerFacts;
    }
  /** Bring to a state; the path and its access were judged before. */
  | {
      readonly type: "target";
      readonly id: string;
      readonly state: string;
      readonly user: string;
      readonly trigger: TriggerSource;
      readonly template: TemplateDefinition;
    }
  /** The next hop towards the target, or the head of the queue, of an idle jet. */
  | {
      readonly type: "hop";
      readonly id: string;
      readonly template: TemplateDefinition;
      readonly facts: TriggerFacts;
    }
  | { readonly type: "next"; readonly template: TemplateDefinition; readonly facts: TriggerFacts }
  /** Its open action has ended. */
  | {
      readonly type: "ended";
      readonly id: string;
      readonly incarnation: number;
      readonly action: JetActionDefinition;
      readonly outcome: "SUCCESS" | "ERROR";
      /** The action's own error: why a target is given up. */
      readonly error?: { readonly code: string; readonly message: string } | undefined;
    }
  | {
      readonly type: "rollback";
      readonly trigger: AcceptedTrigger;
      readonly incarnation: number;
      readonly transit: string;
    }
  | {
      readonly type: "rolled_back";
      readonly id: string;
      readonly incarnation: number;
      readonly action: JetActionDefinition;
      readonly succeeded: boolean;
    }
  /** Given up where the next hop may not be taken; `canceled` by a user. What runs goes on to its end. */
  | { readonly type: "drop_target"; readonly why: ErrorCode; readonly message: string }
  /** A waiting trigger is not to run. It leaves the queue by `drop_canceled`, or at its turn. */
  | { readonly type: "cancel_waiting"; readonly id: string; readonly by: string }
  | { readonly type: "drop_canceled" }
  | { readonly type: "update"; readonly change: JetUpdate }
  | { readonly type: "delete"; readonly force?: boolean | undefined };

/** What is left out stays as it is. */
export interface JetUpdate {
  readonly name?: string | undefined;
  readonly variables?: JetRecord["variables"] | undefined;
  readonly users?: readonly string[] | undefined;
  readonly managers?: readonly string[] | undefined;
  /** Null: none of its own. */
  readonly pool?: string | null | undefined;
}

/** Why a target is no longer one. */
export type TargetEnd = "arrived" | "failed" | "refused" | "replaced" | "canceled" | "destroyed";

export type JetEffect =
  /** A jet that this one required: its other end is taken out. */
  | { readonly type: "release"; readonly hold: Hold }
  | { readonly type: "create_action"; readonly open: OpenAction; readonly action: JetActionDefinition }
  /** Who waits for the jet to get there is told; a refusal also goes into the history. */
  | {
      readonly type: "target_over";
      readonly target: Target;
      readonly end: TargetEnd;
      readonly error?: { readonly code: string; readonly message: string };
    }
  /** A waiting trigger whose turn came and that may no longer run: into the history. */
  | {
      readonly type: "refuse";
      readonly trigger: AcceptedTrigger;
      readonly code: ErrorCode;
      readonly message: string;
    };

export type JetDecision =
  | {
      readonly kind: "write";
      readonly next: JetRecord;
      readonly effects: readonly JetEffect[];
      /** Destroyed: the record is kept for a day from this write on. */
      readonly expires?: true;
    }
  | { readonly kind: "refused"; readonly code: ErrorCode; readonly message: string }
  | {
      readonly kind: "unchanged";
      readonly why:
        | "duplicate"
        | "not_its_action"
        | "other_incarnation"
        | "nothing_waits"
        | "busy"
        | "there"
        | "same";
    };
