import type {
  AcceptedTrigger,
  ErrorCode,
  JetActionDefinition,
  JetRecord,
  OnBusy,
  OpenAction,
  TemplateDefinition,
  TriggerSource,
} from "@jetmesh/protocol";

/** What authz, requirements and limits said of a trigger, asked before: facts, not decided here. */
export interface TriggerFacts {
  readonly access:
    | { readonly allow: true }
    | { readonly allow: false; readonly code: ErrorCode; readonly message: string };
  readonly unmet?: string | undefined;
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
  | { readonly type: "drop_target"; readonly why: ErrorCode }
  | { readonly type: "delete" };

export type JetEffect =
  | { readonly type: "create_action"; readonly open: OpenAction; readonly action: JetActionDefinition }
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
      readonly why: "duplicate" | "not_its_action" | "other_incarnation" | "nothing_waits" | "busy" | "there";
    };
