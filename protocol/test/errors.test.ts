import { describe, expect, it } from "vitest";
import { ACTION_ERROR_CODES, ERROR_CODES, isErrorCode } from "../src/index.ts";

/**
 * Word for word from design §5, `unknown_letter` and `not_replayable` of ADR 0017, of ADR 0028 those of what waits and
 * is canceled, of ADR 0032 those of schedules, and of ADR 0038 those of secrets.
 */
const STATUSES: Record<string, number> = {
  invalid_request: 400,
  forbidden: 403,
  unknown_template: 404,
  unknown_state: 404,
  unknown_plan: 404,
  unknown_user: 404,
  unknown_jet: 404,
  unknown_action: 404,
  unknown_run: 404,
  unknown_kind: 404,
  unknown_letter: 404,
  unknown_limit: 404,
  unknown_schedule: 404,
  unknown_variables: 404,
  unknown_secret: 404,
  unknown_endpoint: 404,
  already_exists: 409,
  conflict: 409,
  in_use: 409,
  jet_busy: 409,
  action_not_available: 409,
  not_pausable: 409,
  not_replayable: 409,
  not_cancelable: 409,
  not_rollbackable: 409,
  canceled: 409,
  firing_overlaps: 409,
  no_path: 409,
  trigger_expired: 410,
  firing_missed: 410,
  secret_unavailable: 412,
  requirement_unmet: 412,
  too_large: 413,
  queue_full: 429,
  limit_reached: 429,
  overloaded: 429,
  internal: 500,
  unavailable: 503,
  wait_timeout: 504,
};

const IN_AN_ACTION = [
  ...["main_timeout", "in_progress_timeout", "start_timeout", "deadline_exceeded", "canceled"],
  ...[
    "init_threw",
    "main_threw",
    "watcher_failed",
    "step_failed",
    "step_timeout",
    "step_interrupted",
    "too_large",
  ],
];
/** Ours beside those that the design lists: an ADR or the design is to take them up. */
const NOT_IN_THE_DESIGN = [
  ...["unknown_kind", "unknown_action", "rollback_threw", "rollback_interrupted", "poison"],
  ...["target_replaced", "hop_failed", "not_approved"],
  ...["ssh_unreachable", "ssh_host_key", "ssh_auth", "ssh_lost"],
  ...["limit_failed", "too_many_labels", "unknown_secret", "secret_unavailable"],
  ...["step_threw", "non_deterministic", "signal_timeout", "invalid_result"],
  ...["too_many_steps", "steps_lost"],
];

describe("the codes of refusals", () => {
  it("are those of the design, each with its status", () => {
    expect(
      Object.fromEntries(Object.entries(ERROR_CODES).map(([code, { status }]) => [code, status])),
    ).toEqual(STATUSES);
  });

  it("say in words what they mean, and no two the same", () => {
    const words = Object.values(ERROR_CODES).map(({ says }) => says);
    expect(words.filter((says) => says.length < 10)).toEqual([]);
    expect(new Set(words).size).toBe(words.length);
  });

  it("are told from anything else", () => {
    expect(["jet_busy", "nope", "toString", "__proto__", ""].map(isErrorCode)).toEqual([
      true,
      false,
      false,
      false,
      false,
    ]);
  });
});

describe("the codes of an action's error", () => {
  it("are those of the design and some of our own", () => {
    expect(Object.keys(ACTION_ERROR_CODES).sort()).toEqual([...IN_AN_ACTION, ...NOT_IN_THE_DESIGN].sort());
  });
});
