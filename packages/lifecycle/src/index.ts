export { decideAction, isUndoneOnError, isWaitingForSlots } from "./action.ts";
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
export { deadlineExceeded } from "./action-time.ts";
export { hasLast, isCut } from "./cut-action.ts";
export { dueAt, expiresAt, isOpen } from "./due.ts";
export { type Ending, endingOf } from "./ending.ts";
export { earliest, hasPassed, msUntil, type Now, toInstant, toMs } from "./instants.ts";
export { decideJet } from "./jet.ts";
export { knowsTrigger } from "./jet-decisions.ts";
export type { JetDecision, JetEffect, JetEvent, JetUpdate, TargetEnd, TriggerFacts } from "./jet-events.ts";
export { noPathMessage } from "./jet-target.ts";
export {
  LINT_CODES,
  type LintCode,
  type LintFinding,
  type LintScope,
  lintTemplate,
  reachableStates,
} from "./lint-template.ts";
export {
  DEFAULT_DELAYS,
  DEFAULT_POOL,
  followerOf,
  type NewAction,
  newAction,
  PLAN_DELAYS,
  PLAN_KIND,
} from "./new-action.ts";
export { incarnationOf, type NewJet, newJet } from "./new-jet.ts";
export { keepNote, keepSignal, takeSignal, withEnd } from "./notes.ts";
export { type Cut, chunksOf, cutSteps, placed } from "./older-steps.ts";
export {
  type Choice,
  chooseRequired,
  holdsAtRest,
  isCheckedBy,
  leavesHold,
  type Requirer,
  requirementCycle,
  requirementsOf,
  statesThatRequire,
  withHolds,
} from "./requirements.ts";
export { type Backoff, backoffMs } from "./retry.ts";
export {
  decideFiring,
  type FiringFacts,
  nextDue,
  ON_TIME_MS,
  settled,
  timed,
  timingOf,
} from "./schedule.ts";
export { serializeError } from "./serialize-error.ts";
export {
  freed,
  holds,
  keyNumbersOf,
  type Numbers,
  nextAllowedAt,
  planTurn,
  roomOf,
  type Slots,
  type Stand,
  standOfSeveral,
  type Turn,
  type Waiter,
} from "./slots.ts";
export { availableActions, createAction, findAction, findPath } from "./template-actions.ts";
export { type Waiting, whyAction, whyJet } from "./why-waiting.ts";
