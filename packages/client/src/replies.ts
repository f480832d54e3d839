import type {
  ActionRecord,
  ActionView,
  ApprovedStep,
  CanceledTrigger,
  ChangedAction,
  CreatedAction,
  CurrentKey,
  DefinitionDocument,
  Endpoint,
  ImportReply,
  JetActionDefinition,
  JetView,
  LetterSummary,
  LimitDefinition,
  LimitView,
  LogsReply,
  NumberedLetter,
  PathReply,
  PlanDefinition,
  ReplayReply,
  RequestOf,
  RotatedKey,
  ScheduleDefinition,
  ScheduleView,
  SecretView,
  SignaledAction,
  StateDefinition,
  TargetReply,
  TemplateDefinition,
  TriggerReply,
  UserDefinition,
  VariablesDefinition,
  WorkflowStep,
} from "@jetmesh/protocol";

/** One page of a list; `cursor` is where the next begins, absent on the last. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly cursor?: string;
}

export interface Deleted {
  readonly reference: string;
}

/** What each endpoint answers. */
export interface Replies {
  readonly "template.apply": TemplateDefinition;
  readonly "state.apply": StateDefinition;
  readonly "plan.apply": PlanDefinition;
  readonly "user.apply": UserDefinition;
  readonly "schedule.apply": ScheduleDefinition;
  readonly "variables.apply": VariablesDefinition;
  readonly "limit.apply": LimitDefinition;
  readonly "limit.get": LimitView;
  readonly "limit.list": Page<LimitView>;
  readonly "limit.delete": Deleted;
  readonly "template.get": TemplateDefinition;
  readonly "state.get": StateDefinition;
  readonly "plan.get": PlanDefinition;
  readonly "user.get": UserDefinition;
  readonly "schedule.get": ScheduleView;
  readonly "variables.get": VariablesDefinition;
  readonly "template.delete": Deleted;
  readonly "state.delete": Deleted;
  readonly "plan.delete": Deleted;
  readonly "user.delete": Deleted;
  readonly "schedule.delete": Deleted;
  readonly "variables.delete": Deleted;
  readonly "template.list": Page<TemplateDefinition>;
  readonly "state.list": Page<StateDefinition>;
  readonly "plan.list": Page<PlanDefinition>;
  readonly "user.list": Page<UserDefinition>;
  readonly "variables.list": Page<VariablesDefinition>;
  readonly "schedule.list": Page<ScheduleView>;
  readonly "schedule.pause": ScheduleView;
  readonly "schedule.resume": ScheduleView;
  readonly "schedule.run": CreatedAction & Partial<TriggerReply>;
  readonly import: ImportReply;
  readonly export: Page<DefinitionDocument>;
  readonly "jet.create": TriggerReply;
  readonly "jet.get": JetView;
  readonly "jet.list": Page<JetView>;
  readonly "jet.actions": Page<JetActionDefinition>;
  readonly "jet.trigger": TriggerReply;
  readonly "jet.path": PathReply;
  readonly "jet.target": TargetReply;
  readonly "jet.update": JetView;
  readonly "jet.delete": Deleted;
  readonly "action.create": CreatedAction;
  readonly "action.get": ActionView;
  readonly "action.list": Page<ActionRecord>;
  readonly "action.pause": ChangedAction;
  readonly "action.resume": ChangedAction;
  readonly "action.rollback": ChangedAction;
  readonly "action.signal": SignaledAction;
  readonly "action.approve": ApprovedStep;
  readonly "action.cancel": ChangedAction | CanceledTrigger;
  readonly "action.steps": Page<WorkflowStep>;
  readonly "action.logs": LogsReply;
  readonly "dead.list": Page<LetterSummary>;
  readonly "dead.get": NumberedLetter;
  readonly "dead.replay": ReplayReply;
  readonly "secret.key": CurrentKey;
  readonly "secret.set": SecretView;
  readonly "secret.list": Page<SecretView>;
  readonly "secret.delete": SecretView;
  readonly "secret.rotate-key": RotatedKey;
}

/** An endpoint without an answer here does not compile. */
export type ReplyOf<E extends Endpoint> = Replies[E];

/** The endpoints that answer page by page. */
export type ListEndpoint = {
  [E in Endpoint]: "cursor" extends keyof RequestOf<E> ? E : never;
}[Endpoint];
export type ItemOf<E extends ListEndpoint> = Replies[E] extends Page<infer T> ? T : never;
