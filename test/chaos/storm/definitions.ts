import { type Document, planDocument, stateDocument } from "@jetmesh/testkit";
import type { Rules } from "../checker/evidence.ts";

/** What a runner of the storm may have, and some of them have not. */
export const LABEL = "fast";
/** A secret's name, and what steps have of it. */
export const SECRET = "token";
export const secretOf = (seed: number): string => `token-${String(seed)}-vqx7Jm2Lw9`;

/** Jets share racks, so that several contend for the slots of one. */
const RACKS = 3;
export const rackOf = (jet: string): string => `rack${String(Number(jet.replace("jet", "")) % RACKS)}`;

/** At a time, on each rack; and of all. */
const ON_A_RACK = 2;
const IN_ALL = 3;

/** What is broken on purpose, so that the checker is seen to see it: more than the limit, anywhere, another value, shown. */
export const PLANTS = ["limit", "label", "secret", "shown"] as const;
export type Plant = (typeof PLANTS)[number];
export interface Told {
  readonly file: string;
  readonly secret: string;
  readonly plants: ReadonlySet<Plant>;
}

/** What every step does: a line when it begins and one when it ends, in a file that belongs to nobody of the mesh. */
const step = (file: string, seconds: string, more: Document = {}): Document => ({
  shell: `say() { echo "$JM_JET $JM_ACTION_ID $JM_ATTEMPT $JM_STEP $1 $USER $JM_VAR_RACK \${TOKEN:--}" >> '${file}'; }; say begin; ${seconds === "0" ? "" : `sleep ${seconds}; `}say end`,
  ...more,
});

/** It prints its secret as well, and keeps what it prints: both are masked. */
function sealedStep(file: string, seconds: string, more: Document = {}): Document {
  const { shell, ...rest } = step(file, seconds, more);
  const env = { TOKEN: `{{ secrets.${SECRET} }}` };
  return { shell: `${String(shell)}; echo "it is $TOKEN"`, env, capture: { said: "stdout" }, ...rest };
}

/**
 * A template whose jets come back to `resting` whatever happens: plans of one and several steps, quick and slow,
 * with and without steps that may run again, with waits between them; with limits, labels, lanes and a secret.
 */
export function stormDocuments({ file, secret, plants }: Told): Document[] {
  const more = plants.has("limit") ? 20 : 0;
  const placed = plants.has("label") ? {} : { labels: [LABEL] };
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
    limitDocument("racks", { concurrency: ON_A_RACK + more, per: "{{ rack }}" }),
    limitDocument("all", { concurrency: IN_ALL + more }),
    planDocument("storm_few", [step(file, "0.15")], { limits: ["racks"] }),
    planDocument("storm_both", [step(file, "0.1"), { wait: "100ms" }, step(file, "0.05")], {
      ...{ limits: ["all", "racks"], lane: "high" },
    }),
    planDocument("storm_placed", [sealedStep(file, "0.2")], { ...placed, lane: "low" }),
    planDocument("storm_sealed", [step(file, "0"), sealedStep(file, "0.05", { idempotent: true })], {
      ...{ limits: ["all"], ...placed },
    }),
    {
      apiVersion: "jetmesh/v1",
      kind: "Template",
      reference: "storm",
      name: "storm",
      accessLevel: "user",
      variables: { rack: "none", note: plants.has("shown") ? secret : "nothing" },
      actions: [
        { ...edge("create"), from: undefined },
        edge("quick"),
        edge("slow"),
        edge("again"),
        edge("steps"),
        edge("few"),
        edge("both"),
        edge("placed"),
        edge("sealed"),
        { ...edge("remove"), to: undefined },
      ].map((action) => JSON.parse(JSON.stringify(action)) as Document),
    },
  ];
}
/** Steps that may run again after an interruption, by `<action>/<step>`: all others may not. */
export const MAY_RUN_AGAIN: ReadonlySet<string> = new Set(["again/step-1", "steps/step-2", "sealed/step-2"]);

export const rulesOf = (secret: string, labelled: ReadonlySet<string>): Rules => ({
  limits: [
    { name: "racks", concurrency: ON_A_RACK, isPerGroup: true, actions: new Set(["few", "both"]) },
    { name: "all", concurrency: IN_ALL, isPerGroup: false, actions: new Set(["both", "sealed"]) },
  ],
  placed: [{ actions: new Set(["placed", "sealed"]), runners: labelled }],
  secrets: new Map(["placed/step-1", "sealed/step-2"].map((step) => [step, secret])),
});

const limitDocument = (reference: string, rest: Document): Document => ({
  ...{ apiVersion: "jetmesh/v1", kind: "Limit", reference, name: reference },
  ...rest,
});
