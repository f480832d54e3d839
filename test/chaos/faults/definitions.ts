import { type Document, planDocument, stateDocument } from "@jetmesh/testkit";

/** A line when a step begins and one when it ends, as the checker reads them. */
const step = (file: string, body = "true", more: Document = {}): Document => ({
  shell: `say() { echo "$JM_JET $JM_ACTION_ID $JM_ATTEMPT $JM_STEP $1" >> '${file}'; }; say begin; echo said; ${body}; say end`,
  ...more,
});

/** A template whose jets come by every write that there is, and rest in `resting` or `broken`. */
export function faultDocuments(file: string): Document[] {
  const edge = (reference: string, rest: Document = {}): Document => ({
    reference,
    name: reference,
    accessLevel: "user",
    from: "resting",
    transit: "moving",
    to: "resting",
    error: "broken",
    ...rest,
  });
  const { from: _from, error: _error, ...create } = edge("create", { plan: "faulted_quick" });
  return [
    stateDocument("moving"),
    stateDocument("resting"),
    stateDocument("broken"),
    planDocument("faulted_quick", [step(file)]),
    planDocument("faulted_turn", [
      step(file),
      step(file, "true", { idempotent: true }),
      // Longer than a write takes where much goes on, or it is over before the plan gives its runner back.
      { wait: "500ms" },
      step(file),
    ]),
    planDocument("faulted_linger", [step(file, "sleep 2")]),
    planDocument("faulted_dawdle", [step(file, "sleep 4")]),
    planDocument("faulted_nowhere", [step(file)], {}),
    {
      apiVersion: "jetmesh/v1",
      kind: "Template",
      reference: "faulted",
      name: "faulted",
      accessLevel: "user",
      actions: [
        create,
        edge("turn", { plan: "faulted_turn", error: "resting" }),
        edge("tip", { plan: "faulted_quick", to: "broken" }),
        edge("mend", { plan: "faulted_quick", from: "broken", error: "broken" }),
        edge("linger", { plan: "faulted_linger", error: "resting" }),
        edge("dawdle", { plan: "faulted_dawdle", error: "resting", delays: { main: "1s" } }),
        edge("wait-in-vain", {
          plan: "faulted_nowhere",
          pool: "nobody-serves-it",
          error: "resting",
          delays: { start: "500ms" },
        }),
      ],
    },
  ];
}

/** Steps that may run again after an interruption, by `<action>/<step>`. */
export const MAY_RUN_AGAIN: ReadonlySet<string> = new Set(["turn/step-2"]);
/** How actions may fail here. */
export const MAY_END_WITH: ReadonlySet<string> = new Set([
  "step_interrupted",
  "start_timeout",
  "main_timeout",
]);
