export { decideAction } from "./action.ts";
export type {
  ActionDecision,
  ActionEffect,
  ActionEvent,
  Expiry,
  Leavings,
  MainAnswer,
  Unchanged,
  WatcherAnswer,
} from "./action-events.ts";
export { dueAt, expiresAt, isOpen } from "./due.ts";
export { earliest, hasPassed, type Now, toInstant, toMs } from "./instants.ts";
export { decideJet, incarnationOf, knowsTrigger, type NewJet, newJet } from "./jet.ts";
export type { JetDecision, JetEffect, JetEvent, TriggerFacts } from "./jet-events.ts";
export {
  DEFAULT_DELAYS,
  DEFAULT_POOL,
  type NewAction,
  newAction,
  PLAN_DELAYS,
  PLAN_KIND,
} from "./new-action.ts";
export { type Backoff, backoffMs } from "./retry.ts";
export { serializeError } from "./serialize-error.ts";
export { availableActions, createAction, findAction, findPath } from "./template-actions.ts";
