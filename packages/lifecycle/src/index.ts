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
export { earliest, hasPassed, toInstant, toMs, type Now } from "./instants.ts";
export { decideJet, incarnationOf, newJet, type NewJet } from "./jet.ts";
export type { JetDecision, JetEffect, JetEvent, TriggerFacts } from "./jet-events.ts";
export { DEFAULT_DELAYS, DEFAULT_POOL, newAction, PLAN_DELAYS, PLAN_KIND, type NewAction } from "./new-action.ts";
export { backoffMs, type Backoff } from "./retry.ts";
export { serializeError } from "./serialize-error.ts";
export { availableActions, createAction, findAction, findPath } from "./template-actions.ts";
