/**
 * The records of a Cetmix Tower file that can be read, key by key: what is used, and what has no counterpart here, with
 * the reason. A key that is in neither list is a fault: what nobody knows cannot be said to mean nothing.
 */
export interface Model {
  readonly used: readonly string[];
  /** What a jet would do, or who may, is another thing without it. */
  readonly lost: Readonly<Record<string, string>>;
  /** Nothing acts otherwise without it. */
  readonly noted: Readonly<Record<string, string>>;
}

const TAGS = { tag_ids: "there are no tags" };

export const MODELS = {
  jet_state: {
    used: ["reference", "name", "sequence", "access_level", "color", "note"],
    lost: {},
    noted: {},
  },
  jet_template: {
    used: [
      "reference",
      "name",
      "note",
      "limit_per_server",
      "variable_value_ids",
      "action_ids",
      "template_requires_ids",
    ],
    lost: {
      plan_install_id: "templates are not installed on servers: run it once by hand, or in the create action",
      plan_uninstall_id: "templates are not installed on servers: run it by hand, or in the destroy action",
      plan_clone_same_server_id: "jets are not cloned",
      plan_clone_different_server_id: "jets are not cloned",
      waypoint_template_ids: "there are no waypoints",
      scheduled_task_ids: "there are no scheduled tasks",
    },
    noted: {
      ...TAGS,
      show_in_create_wizard: "there is no wizard",
      server_log_ids: "the output of steps is kept by itself",
    },
  },
  jet_action: {
    used: [
      "reference",
      "name",
      "note",
      "priority",
      "access_level",
      "state_from_id",
      "state_transit_id",
      "state_to_id",
      "state_error_id",
      "plan_id",
    ],
    lost: {},
    noted: {},
  },
  jet_template_dependency: {
    used: ["reference", "template_required_id", "state_required_id"],
    lost: {},
    noted: {},
  },
  plan: {
    used: ["reference", "name", "access_level", "note", "line_ids", "on_error_action"],
    lost: { custom_exit_code: "an exit code cannot be replaced by another" },
    noted: {
      ...TAGS,
      color: "plans have no colour",
      allow_parallel_run:
        "a jet runs one action at a time, and plans of several jets always run side by side",
    },
  },
  plan_line: {
    used: ["reference", "sequence", "path", "command_id", "action_ids"],
    lost: {
      condition: "steps have no conditions yet: the step would always run",
      use_sudo: "the runner's own user runs it: write sudo into the command",
    },
    noted: {},
  },
  plan_line_action: {
    used: ["reference", "sequence", "condition", "value_char", "action"],
    lost: {
      custom_exit_code: "an exit code cannot be replaced by another",
      variable_value_ids: "a step sets no variables yet",
    },
    noted: {},
  },
  command: {
    used: ["reference", "name", "action", "code", "path", "note"],
    lost: {
      file_template_id: "files are not written from templates yet: write it in a shell step",
      flight_plan_id: "a plan runs no other plan yet",
      jet_template_id: "a step triggers no jets yet",
      jet_action_id: "a step triggers no jets yet",
      waypoint_template_id: "there are no waypoints",
    },
    noted: {
      ...TAGS,
      access_level: "who may run the plan may run its steps",
      allow_parallel_run: "a jet runs one action at a time",
      os_ids: "which machines may run it is a matter of pools",
      server_status: "there are no servers with a status",
      no_split_for_sudo: "there is no sudo of its own",
    },
  },
  variable_value: { used: ["reference", "variable_id", "value_char"], lost: {}, noted: {} },
} as const satisfies Readonly<Record<string, Model>>;
export type ModelName = keyof typeof MODELS;

/** The records that may stand by themselves. */
export const RECORDS = ["jet_state", "jet_template", "plan", "command"] as const;
export type RecordModel = (typeof RECORDS)[number];

/** Their palette by number, as near as ours comes. */
export const COLORS = [
  "grey",
  "red",
  "orange",
  "yellow",
  "teal",
  "purple",
  "red",
  "teal",
  "blue",
  "purple",
  "green",
  "purple",
] as const;

/** States that every installation has, so that files name them without having them: sequence and colour. */
export const SHIPPED_STATES: Readonly<Record<string, readonly [number, number]>> = {
  preparing: [1, 4],
  draft: [2, 4],
  building: [3, 4],
  starting: [4, 3],
  running: [5, 10],
  stopping: [6, 1],
  stopped: [7, 9],
  restarting: [8, 6],
  removing: [9, 7],
  removed: [10, 7],
  destroying: [11, 8],
};
