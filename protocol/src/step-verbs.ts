import { z } from "zod";
import { OnBusy } from "./definition-parts.ts";
import { Json, Reference } from "./ids.ts";

/** What the steps of a flight plan do (design §10): the value of the one key that says so. */
export const Text = z.string().max(256 * 1024);

/** An expression in CEL; whether it is one is seen when the plan is applied. */
export const Expression = z.string().trim().min(1).max(4_096);

/** Where the value of an expression, or what a caller gives, is kept. */
export const ValueName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,62}$/, "must be a variable name");

/** Values whose strings are templates, however deep. */
const Given = z.record(z.string().max(200), Json);

/** A list runs as it is; a string runs by `sh -c`. */
export const Shell = z.union([Text.min(1), z.array(Text).min(1).max(10_000)]);

const Status = z.int().min(100).max(599);

export const HttpRequest = z.strictObject({
  url: Text.min(1),
  method: z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]).default("GET"),
  headers: z.record(z.string(), Text).default({}),
  body: Text.optional(),
  expect: z.union([Status, z.array(Status).min(1)]).default(200),
});
export type HttpRequest = z.infer<typeof HttpRequest>;

/** The steps of another plan, by its name alone, or with `variables` that it sees before anything else of that name. */
export const PlanCall = z.union([
  Reference.transform((reference) => ({ reference, variables: {} })),
  z.strictObject({ reference: Reference, variables: z.record(ValueName, Json).default({}) }),
]);
export type PlanCall = z.infer<typeof PlanCall>;

/** An action of a kind that a runner has registered; unless told not to, the step ends when it does. */
export const ActionCall = z.strictObject({
  kind: Reference,
  argument: Given.default({}),
  wait: z.boolean().default(true),
});
export type ActionCall = z.infer<typeof ActionCall>;

/** Another jet, by an action of its template or to a state; unless told not to, the step ends when it is there. */
export const JetCall = z
  .strictObject({
    /** A template that gives the reference of one jet. */
    reference: z.string().min(1).max(4_096).optional(),
    /** All living jets of a template. */
    template: Reference.optional(),
    action: Reference.optional(),
    state: Reference.optional(),
    argument: Given.default({}),
    onBusy: OnBusy.default("queue"),
    wait: z.boolean().default(true),
    /** What it means that there is no such jet. */
    none: z.enum(["error", "skip"]).default("error"),
  })
  .superRefine(({ reference, template, action, state }, ctx) => {
    const fault = (message: string): void => ctx.addIssue({ code: "custom", message });
    if ((reference === undefined) === (template === undefined))
      fault("names exactly one of reference, template");
    if ((action === undefined) === (state === undefined)) fault("has exactly one of action, state");
  });
export type JetCall = z.infer<typeof JetCall>;

/** A person's answer. Who triggered the action may give it only where `own` says so. */
export const Approve = z.strictObject({
  message: z.string().max(2_000).default(""),
  /** Only these; else whoever may update the jet. */
  users: z.array(Reference).max(100).default([]),
  own: z.boolean().default(false),
});
export type Approve = z.infer<typeof Approve>;

/** What the signal of an answer carries, and its name: that of the step, as the journal has it. */
export const ApprovalAnswer = z.object({
  approved: z.boolean(),
  user: Reference,
  comment: z.string().max(2_000),
});
export type ApprovalAnswer = z.infer<typeof ApprovalAnswer>;
export const APPROVAL_SIGNAL = "approve:";
export const approvalSignal = (step: string): string => `${APPROVAL_SIGNAL}${step.slice(-80)}`;

/** What becomes of the plan after the step, by how it ended: the first rule whose condition holds. */
export const ExitRule = z
  .strictObject({
    when: Expression,
    /**
     * `next`: as one that succeeded; `continue`: on, and the plan ends with this error; `stop`: the plan ends here as the
     * step did; `exit`: it ends here with `code`, of which 0 is a success.
     */
    do: z.enum(["next", "continue", "stop", "exit"]),
    code: z.int().min(0).max(255).optional(),
  })
  .refine(
    (rule) => (rule.do === "exit") === (rule.code !== undefined),
    "code belongs to exit, and exit has one",
  );
export type ExitRule = z.infer<typeof ExitRule>;
