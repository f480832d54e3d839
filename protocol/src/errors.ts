/**
 * Every code that a caller can meet, with the status that an error reply carries in `Nats-Service-Error-Code`.
 * `docs/errors.md` is checked against this table, both ways.
 */
export const ERROR_CODES = {
  invalid_request: { status: 400, says: "the request does not have the shape that the endpoint takes" },
  forbidden: { status: 403, says: "you may see it, but not do this to it" },
  unknown_template: { status: 404, says: "no such template, or none that you may see" },
  unknown_state: { status: 404, says: "no such jet state, or none that you may see" },
  unknown_plan: { status: 404, says: "no such plan, or none that you may see" },
  unknown_user: { status: 404, says: "no such user, or none that you may see" },
  unknown_jet: { status: 404, says: "no such jet, or none that you may see" },
  unknown_action: { status: 404, says: "the jet's template has no such action, or none that you may see" },
  unknown_run: { status: 404, says: "no action has this id, or none that you may see" },
  unknown_kind: { status: 404, says: "no runner has registered this action kind" },
  unknown_letter: { status: 404, says: "no dead letter has this number; a replayed one is gone" },
  unknown_limit: { status: 404, says: "no such limit" },
  unknown_schedule: { status: 404, says: "no such schedule, or none that you may see" },
  unknown_variables: { status: 404, says: "no such set of variables, or none that you may see" },
  unknown_secret: { status: 404, says: "no such secret in the scope that you named" },
  unknown_endpoint: { status: 404, says: "the mesh has no such endpoint" },
  already_exists: { status: 409, says: "the name is taken" },
  conflict: { status: 409, says: "it was changed by somebody else meanwhile; ask again" },
  in_use: { status: 409, says: "something else still refers to it" },
  jet_busy: { status: 409, says: "an action of the jet is open" },
  action_not_available: { status: 409, says: "the action does not begin in the jet's state" },
  not_pausable: { status: 409, says: "the action cannot be paused where it is" },
  not_replayable: { status: 409, says: "the dead letter does not hold what it takes to send it again" },
  not_cancelable: { status: 409, says: "the action does not wait any more, or has ended" },
  not_rollbackable: { status: 409, says: "there is nothing to undo, or nothing to undo it with" },
  canceled: { status: 409, says: "it was canceled before its turn came" },
  firing_overlaps: { status: 409, says: "the action of an earlier firing of the schedule is open" },
  no_path: { status: 409, says: "no actions lead from the jet's state to the one asked for" },
  trigger_expired: { status: 410, says: "the trigger is older than 12 hours" },
  firing_missed: { status: 410, says: "it fell due while nobody could see to it, and is left out" },
  secret_unavailable: {
    status: 412,
    says: "no runner holds a key that secrets could be sealed to, or opened with",
  },
  requirement_unmet: { status: 412, says: "a jet that this one requires is not in the required state" },
  too_large: { status: 413, says: "the message or record is larger than the mesh keeps" },
  queue_full: { status: 429, says: "256 triggers wait for this jet already, or signals for this action" },
  limit_reached: { status: 429, says: "the template's limit of living jets is reached" },
  overloaded: { status: 429, says: "the mesh has more work than it can queue; try again later" },
  internal: { status: 500, says: "a fault of the mesh; its log has the details" },
  unavailable: { status: 503, says: "a service or the broker cannot be reached; nothing was decided" },
  wait_timeout: { status: 504, says: "the action has not ended in the time you gave; it goes on" },
} as const satisfies Record<string, { status: number; says: string }>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Codes that an action's own error carries, beside those its steps and kinds make up. */
export const ACTION_ERROR_CODES = {
  main_timeout: "main did not return within its delay, and no watcher knew better",
  in_progress_timeout: "still in progress when its delay expired",
  start_timeout: "no runner began it within its start delay",
  deadline_exceeded: "its overall deadline passed",
  canceled: "canceled by a user",
  poison: "every runner that was to go on with it died",
  target_replaced: "another target was set for the jet",
  hop_failed: "an action on the way to the target failed",
  init_threw: "init threw",
  main_threw: "main threw, or returned what is no state",
  watcher_failed: "the watcher threw too often in a row",
  step_failed: "a step of the plan failed",
  step_timeout: "a step or the plan ran out of its time",
  step_interrupted: "the runner died in a step that is not marked idempotent",
  ssh_unreachable: "the machine of an ssh step could not be connected to",
  ssh_host_key: "the machine of an ssh step showed a key that it is not known by",
  ssh_auth: "the machine of an ssh step did not let the user in",
  ssh_lost: "the connection was lost while the command of an ssh step ran",
  unknown_secret: "a step names a secret that is not set for its jet, its template or the mesh",
  secret_unavailable:
    "the runner cannot open a secret: it does not hold the seed of the key that it is sealed to",
  not_approved: "who was asked to approve a step did not",
  too_large: "the action's record would have outgrown 768 KB",
  unknown_kind: "the runner does not know the action's kind",
  unknown_action: "the jet action was removed from the template before the action could be made",
  limit_failed: "the template of one of its limits cannot be rendered, so that its slots cannot be told",
  too_many_labels: "its template, plan and jet action name more than four labels together",
  step_threw: "a function of a workflow's own threw",
  non_deterministic: "the code of a workflow took another way than is recorded of it",
  too_many_steps: "a workflow began more steps than one attempt may have",
  steps_lost: "older steps of a workflow are not where they were kept",
  signal_timeout: "a workflow waited for a signal that did not come in time",
  invalid_result: "what a step gave, or a signal carried, does not fit its schema",
  rollback_threw: "rollback threw",
  rollback_interrupted: "rollback did not end within its delay, or its runner died",
} as const satisfies Record<string, string>;

export type ActionErrorCode = keyof typeof ACTION_ERROR_CODES;

/** Codes that a dead letter carries, beside those of refusals. */
export const DEAD_LETTER_CODES = {
  poison: "every process that handled it died",
  max_deliveries: "the broker gave it up after as many deliveries as its consumer allows",
  terminated: "somebody terminated it; the broker keeps no body of such a message",
} as const satisfies Record<string, string>;

export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERROR_CODES, code);

/** What a code means, for where it comes without a message. */
export function meaningOf(code: string): string {
  if (isErrorCode(code)) return ERROR_CODES[code].says;
  const known: Readonly<Record<string, string>> = ACTION_ERROR_CODES;
  return known[code] ?? "it failed";
}
