import { z } from "zod";
import { AccessLevel, Name, Note, OnBusy } from "./definition-parts.ts";
import { Duration } from "./duration.ts";
import { Instant, Json, Reference } from "./ids.ts";
import { LimitDefinition, MAX_CONCURRENT, MAX_LIMITS_NAMED } from "./limit.ts";
import { Labels, NamedLane } from "./queue-name.ts";
import { ScheduleDefinition } from "./schedule.ts";
import { Step, stepReference } from "./step.ts";
import { ValueName } from "./step-verbs.ts";

/**
 * What people write and `apply` takes (design §10): one strict schema per kind, every default filled in, so that
 * whoever reads a definition afterwards reads all of it. Durations come out as milliseconds, under the same name
 * that people write.
 */
export const Color = z.enum(["grey", "red", "orange", "yellow", "green", "teal", "blue", "purple"]);

/** Values that templates and expressions see; scalars, lists and objects of them. */
export const Variables = z.record(ValueName, Json);
export type Variables = z.infer<typeof Variables>;

const references = z.array(Reference).max(10_000).default([]);
/** Left out where there are none, for they are in every action's record. */
const limits = z.array(Reference).min(1).max(MAX_LIMITS_NAMED).optional();
/** Of the runners that may run it: each of those that the template, the plan and the jet action name. */
const labels = Labels.optional();

export const StateDefinition = z.strictObject({
  kind: z.literal("State"),
  reference: Reference,
  name: Name,
  sequence: z.int().min(0).max(1_000_000).default(10),
  color: Color.default("grey"),
  accessLevel: AccessLevel.default("user"),
  note: Note.default(""),
});
export type StateDefinition = z.infer<typeof StateDefinition>;

export const UserDefinition = z.strictObject({
  kind: z.literal("User"),
  reference: Reference,
  name: Name,
  level: AccessLevel.default("user"),
  publicKey: z
    .string()
    .regex(/^U[A-Z2-7]{55}$/, "must be the public key of a user's nkey")
    .optional(),
});
export type UserDefinition = z.infer<typeof UserDefinition>;

/** How long an action may stay where it is; 0 = no limit (design §2). */
export const ActionDelays = z.strictObject({
  start: Duration.optional(),
  main: Duration.optional(),
  progress: Duration.optional(),
  deadline: Duration.optional(),
  frequency: Duration.optional(),
});
export type ActionDelays = z.infer<typeof ActionDelays>;

export const RepeatPolicy = z.strictObject({
  error: z.int().min(0).max(1_000_000).default(0),
  success: z.int().min(0).max(1_000_000).default(0),
  backoff: Duration.default(10_000),
  /** By how much each wait is longer than the one before; 1 by default. */
  factor: z.number().min(1).max(100).optional(),
  /** The longest wait; a day by default. */
  max: Duration.optional(),
  /** Each wait is between half and all of what it would be, so that those that failed together do not come back together. */
  jitter: z.boolean().optional(),
});
export type RepeatPolicy = z.infer<typeof RepeatPolicy>;

export const JetActionDefinition = z.strictObject({
  reference: Reference,
  name: Name,
  priority: z.int().min(0).max(1_000_000).default(10),
  accessLevel: AccessLevel.default("manager"),
  from: Reference.optional(),
  transit: Reference,
  to: Reference.optional(),
  error: Reference.optional(),
  plan: Reference.optional(),
  /** In place of a plan: an action of a kind that a runner has registered; a trigger's own argument wins. */
  run: z.strictObject({ kind: Reference, argument: z.record(z.string(), Json).default({}) }).optional(),
  pool: Reference.optional(),
  labels,
  /** Before or behind others that wait; of an action and its plan, the action's. */
  lane: NamedLane.optional(),
  limits,
  delays: ActionDelays.default({}),
  repeat: RepeatPolicy.default({ error: 0, success: 0, backoff: 10_000 }),
  /** What it did is undone when it fails, and the jet goes back to `from`. */
  rollbackOnError: z.boolean().default(false),
  note: Note.default(""),
});
export type JetActionDefinition = z.infer<typeof JetActionDefinition>;

/** A jet of another template that must be in a state, for the actions named here, or for all (design §3). */
export const Requirement = z.strictObject({
  template: Reference,
  state: Reference,
  actions: z.array(Reference).max(500).default([]),
  otherwise: z.enum(["refuse", "bring"]).default("refuse"),
});
export type Requirement = z.infer<typeof Requirement>;

/** More living jets than this are not counted, for they are listed in one record. */
export const MAX_LIMIT = 5_000;

export const TemplateDefinition = z
  .strictObject({
    kind: z.literal("Template"),
    reference: Reference,
    name: Name,
    accessLevel: AccessLevel.default("manager"),
    users: references,
    managers: references,
    /** Living jets at a time; 0 = no limit. */
    limit: z.int().min(0).max(MAX_LIMIT).default(0),
    onBusy: OnBusy.default("refuse"),
    pool: Reference.optional(),
    labels,
    variables: Variables.default({}),
    requires: z.array(Requirement).max(50).default([]),
    actions: z.array(JetActionDefinition).max(500).default([]),
    note: Note.default(""),
  })
  .superRefine((template, ctx) => {
    const seen = new Set<string>();
    template.actions.forEach((action, index) => {
      if (seen.has(action.reference)) {
        ctx.addIssue({
          code: "custom",
          path: ["actions", index, "reference"],
          message: `action '${action.reference}' is there twice`,
        });
      }
      seen.add(action.reference);
      if (action.plan !== undefined && action.run !== undefined)
        ctx.addIssue({
          code: "custom",
          path: ["actions", index, "run"],
          message: "an action has a plan or runs a kind, not both",
        });
    });
    const required = new Set<string>();
    template.requires.forEach((requirement, index) => {
      const fault = (path: (string | number)[], message: string): void =>
        ctx.addIssue({ code: "custom", path: ["requires", index, ...path], message });
      if (requirement.template === template.reference)
        fault(["template"], "a template cannot require itself");
      if (required.has(requirement.template))
        fault(["template"], `template '${requirement.template}' is required twice`);
      required.add(requirement.template);
      requirement.actions.forEach((action, at) => {
        if (!seen.has(action)) fault(["actions", at], `there is no action '${action}'`);
      });
    });
  });
export type TemplateDefinition = z.infer<typeof TemplateDefinition>;

export const PlanDefinition = z
  .strictObject({
    kind: z.literal("Plan"),
    reference: Reference,
    name: Name,
    accessLevel: AccessLevel.default("manager"),
    timeout: Duration.default(0),
    /** What becomes of the plan when a step fails and no rule of the step says so. */
    onError: z.enum(["stop", "continue"]).default("stop"),
    /** Whether it may run more than once at a time on one jet. */
    parallel: z.boolean().default(false),
    pool: Reference.optional(),
    labels,
    lane: NamedLane.optional(),
    limits,
    /** So many of its actions at a time; a limit of its own. */
    concurrency: z.int().min(1).max(MAX_CONCURRENT).optional(),
    variables: Variables.default({}),
    steps: z.array(Step).min(1).max(1_000),
    /** Steps that run whatever became of the others. */
    finally: z.array(Step).max(100).default([]),
    note: Note.default(""),
  })
  .superRefine((plan, ctx) => {
    const seen = new Set<string>();
    const see = (reference: string | undefined, path: (string | number)[]): void => {
      if (reference === undefined) return;
      if (seen.has(reference))
        ctx.addIssue({ code: "custom", path, message: `step '${reference}' is there twice` });
      seen.add(reference);
    };
    for (const list of ["steps", "finally"] as const)
      plan[list].forEach((step, index) => {
        see(stepReference(step, placeOf(plan, list, index)), [list, index]);
        // One without a name is told apart by its group.
        step.parallel?.forEach((one, at) => see(one.reference, [list, index, "parallel", at]));
      });
  });
export type PlanDefinition = z.infer<typeof PlanDefinition>;

/** The place that names a step without a reference: those of `finally` come behind the others. */
export const placeOf = (
  plan: { readonly steps: readonly unknown[] },
  list: "steps" | "finally",
  index: number,
): number => (list === "steps" ? index : plan.steps.length + index);

/** A jet as people write it: sets its template, users, managers and variables, never its state. */
export const JetDefinition = z.strictObject({
  kind: z.literal("Jet"),
  reference: Reference,
  name: Name,
  template: Reference,
  users: references,
  managers: references,
  pool: Reference.optional(),
  variables: Variables.default({}),
});
export type JetDefinition = z.infer<typeof JetDefinition>;

/** Values that the plans of all jets see where neither the jet nor its template has one of that name. */
export const VariablesDefinition = z.strictObject({
  kind: z.literal("Variables"),
  reference: Reference,
  name: Name,
  variables: Variables,
  note: Note.default(""),
});
export type VariablesDefinition = z.infer<typeof VariablesDefinition>;
/** All sets together, as JSON: they are part of each action's record. */
export const MAX_MESH_VARIABLES_BYTES = 32 * 1024;

export const Definition = z.union([
  VariablesDefinition,
  StateDefinition,
  UserDefinition,
  TemplateDefinition,
  PlanDefinition,
  ScheduleDefinition,
  LimitDefinition,
]);
export type Definition = z.infer<typeof Definition>;

/** The keys of all definitions, as followers name them: the mesh's own record beside them is none. */
export const DEFINITION_PATTERN = "*.*";
/** The kinds as written in a document, and the prefix of their key in the bucket of definitions. */
export const DEFINITION_KEYS = {
  Variables: "variables",
  State: "state",
  User: "user",
  Template: "template",
  Plan: "plan",
  Schedule: "schedule",
  Limit: "limit",
} as const;
export type DefinitionKind = keyof typeof DEFINITION_KEYS;

/** `template.web`: the key of a definition. */
export const definitionKey = (kind: DefinitionKind, reference: string): string =>
  `${DEFINITION_KEYS[kind]}.${reference}`;

/** A definition as the bucket holds it; who made a template may also take it away. */
export const StoredDefinition = z.object({
  v: z.literal(1),
  definition: Definition,
  createdBy: Reference.optional(),
  /** Of a schedule: with whose rights it fires. */
  owner: Reference.optional(),
  /** A template that is about to go: nothing is made of it meanwhile. Whoever finds this left behind takes it off. */
  deleting: z.object({ by: Reference, at: Instant }).optional(),
});
export type StoredDefinition = z.infer<typeof StoredDefinition>;
