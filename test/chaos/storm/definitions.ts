import { type Document, planDocument, stateDocument } from "@jetmesh/testkit";

/** What every step does: a line when it begins and one when it ends, in a file that belongs to nobody of the mesh. */
const step = (file: string, seconds: string, more: Document = {}): Document => ({
  shell: `say() { echo "$JM_JET $JM_ACTION_ID $JM_ATTEMPT $JM_STEP $1" >> '${file}'; }; say begin; ${seconds === "0" ? "" : `sleep ${seconds}; `}say end`,
  ...more,
});

/**
 * A template whose jets come back to `resting` whatever happens: plans of one and several steps, quick and slow,
 * with and without steps that may run again, with waits between them.
 */
export function stormDocuments(file: string): Document[] {
  const edge = (reference: string, rest: Document = {}): Document => ({
    reference,
    name: reference,
    accessLevel: "user",
    from: "resting",
    transit: "moving",
    to: "resting",
    plan: `storm_${reference}`,
    ...rest,
  });
  return [
    stateDocument("moving"),
    stateDocument("resting"),
    planDocument("storm_create", [step(file, "0")]),
    planDocument("storm_quick", [step(file, "0")]),
    planDocument("storm_slow", [step(file, "0.7")]),
    planDocument("storm_again", [step(file, "0.4", { idempotent: true }), step(file, "0")]),
    planDocument("storm_steps", [
      step(file, "0"),
      step(file, "0.1", { idempotent: true }),
      { wait: "150ms" },
      step(file, "0.05"),
      step(file, "0"),
    ]),
    planDocument("storm_remove", [step(file, "0")]),
    {
      apiVersion: "jetmesh/v1",
      kind: "Template",
      reference: "storm",
      name: "storm",
      accessLevel: "user",
      actions: [
        { ...edge("create"), from: undefined },
        edge("quick"),
        edge("slow"),
        edge("again"),
        edge("steps"),
        { ...edge("remove"), to: undefined },
      ].map((action) => JSON.parse(JSON.stringify(action)) as Document),
    },
  ];
}
/** Steps that may run again after an interruption, by `<action>/<step>`: all others may not. */
export const MAY_RUN_AGAIN: ReadonlySet<string> = new Set(["again/step-1", "steps/step-2"]);
