import { z } from "zod";
import { Duration } from "./duration.ts";
import { Reference } from "./ids.ts";

/**
 * The steps of a flight plan (design §10). A step has exactly one of the keys that say what it does. Keys that
 * the design names and nothing executes yet are refused by name, so that a plan never changes its meaning when
 * they come.
 */
export const RetryPolicy = z.strictObject({
  attempts: z.int().min(1).max(10_000).default(1),
  backoff: Duration.default(1_000),
  factor: z.number().min(1).max(100).default(2),
  max: Duration.default(60_000),
  jitter: z.boolean().default(true),
});
export type RetryPolicy = z.infer<typeof RetryPolicy>;

const Text = z.string().max(256 * 1024);

/** A list runs as it is; a string runs by `sh -c`. */
export const Shell = z.union([Text.min(1), z.array(Text).min(1).max(10_000)]);

export const HttpRequest = z.strictObject({
  url: Text.min(1),
  method: z.enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]).default("GET"),
  headers: z.record(z.string(), Text).default({}),
  body: Text.optional(),
  expect: z.union([z.int().min(100).max(599), z.array(z.int().min(100).max(599)).min(1)]).default(200),
});
export type HttpRequest = z.infer<typeof HttpRequest>;

const NOT_BUILT = [
  "ssh",
  "file",
  "plan",
  "action",
  "jet",
  "approve",
  "parallel",
  "when",
  "onExit",
  "capture",
];
export const STEP_VERBS = ["shell", "http", "wait"] as const;
export type StepVerb = (typeof STEP_VERBS)[number];

const running = {
  shell: Shell.optional(),
  http: HttpRequest.optional(),
  cwd: Text.optional(),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be a variable name"), Text).default({}),
  timeout: Duration.default(0),
  retry: RetryPolicy.default({ attempts: 1, backoff: 1_000, factor: 2, max: 60_000, jitter: true }),
};

/** What a rollback does for a step that had succeeded. It may run again where its runner was lost in it. */
const Undo = z
  .strictObject(running)
  .refine(
    ({ shell, http }) => (shell === undefined) !== (http === undefined),
    "an undo has exactly one of shell, http",
  );

const StepShape = z.strictObject({
  reference: Reference.optional(),
  name: z.string().max(200).optional(),
  ...running,
  wait: Duration.optional(),
  idempotent: z.boolean().default(false),
  undo: Undo.optional(),
});

export const Step = z
  .unknown()
  .superRefine((value, ctx) => {
    if (typeof value !== "object" || value === null) return;
    for (const key of NOT_BUILT) {
      if (key in value) ctx.addIssue({ code: "custom", path: [key], message: `'${key}' is not built yet` });
    }
    const verbs = STEP_VERBS.filter((verb) => verb in value);
    if (verbs.length !== 1 && !NOT_BUILT.some((key) => key in value)) {
      ctx.addIssue({ code: "custom", message: `a step has exactly one of ${STEP_VERBS.join(", ")}` });
    }
    const hasEnv = "env" in value && typeof value.env === "object" && Object.keys(value.env ?? {}).length > 0;
    if (!("shell" in value) && ("cwd" in value || hasEnv)) {
      ctx.addIssue({ code: "custom", message: "cwd and env belong to a shell step" });
    }
  })
  .pipe(StepShape);
export type Step = z.infer<typeof StepShape>;

/** What a step does; the schema has made sure that there is one. */
export function verbOf(step: Step): StepVerb {
  if (step.shell !== undefined) return "shell";
  return step.http !== undefined ? "http" : "wait";
}

/** A step's reference: its own, else `step-N`, from 1. */
export const stepReference = (step: Step, index: number): string =>
  step.reference ?? `step-${String(index + 1)}`;
