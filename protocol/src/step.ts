import { z } from "zod";
import { Duration } from "./duration.ts";
import { FileWrite } from "./file-step.ts";
import { Reference } from "./ids.ts";
import { SshCommand } from "./ssh-step.ts";
import {
  ActionCall,
  Approve,
  ExitRule,
  Expression,
  HttpRequest,
  JetCall,
  PlanCall,
  Shell,
  Text,
  ValueName,
} from "./step-verbs.ts";
import { Wait } from "./wait-step.ts";

/**
 * The steps of a flight plan (design §10). A step has exactly one of the keys that say what it does.
 */
export const RetryPolicy = z.strictObject({
  attempts: z.int().min(1).max(10_000).default(1),
  backoff: Duration.default(1_000),
  factor: z.number().min(1).max(100).default(2),
  max: Duration.default(60_000),
  jitter: z.boolean().default(true),
});
export type RetryPolicy = z.infer<typeof RetryPolicy>;

export const STEP_VERBS = [
  ...(["shell", "ssh", "http", "file", "wait", "plan"] as const),
  ...(["action", "jet", "approve", "parallel"] as const),
] as const;
export type StepVerb = (typeof STEP_VERBS)[number];

/** Which steps may have which keys. */
const BELONGS: Readonly<Record<string, readonly StepVerb[]>> = {
  cwd: ["shell", "ssh", "wait"],
  env: ["shell", "ssh", "wait"],
  timeout: ["shell", "ssh", "http", "file", "wait", "action", "jet", "approve"],
  retry: ["shell", "ssh", "http", "file"],
  idempotent: ["shell", "ssh", "http", "file"],
  undo: ["shell", "ssh", "http", "file"],
  capture: ["shell", "ssh", "http", "file", "action", "approve"],
};

const running = {
  shell: Shell.optional(),
  ssh: SshCommand.optional(),
  http: HttpRequest.optional(),
  file: FileWrite.optional(),
  cwd: Text.optional(),
  env: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "must be a variable name"), Text).default({}),
  timeout: Duration.default(0),
  retry: RetryPolicy.default({ attempts: 1, backoff: 1_000, factor: 2, max: 60_000, jitter: true }),
};

/** What a rollback does for a step that had succeeded. It may run again where its runner was lost in it. */
export const Undo = z
  .strictObject(running)
  .refine(
    ({ shell, ssh, http, file }) => [shell, ssh, http, file].filter((one) => one !== undefined).length === 1,
    "an undo has exactly one of shell, ssh, http, file",
  );
export type Undo = z.infer<typeof Undo>;

const inside = {
  reference: Reference.optional(),
  name: z.string().max(200).optional(),
  ...running,
  wait: Wait.optional(),
  plan: PlanCall.optional(),
  action: ActionCall.optional(),
  jet: JetCall.optional(),
  approve: Approve.optional(),
  when: Expression.optional(),
  onExit: z.array(ExitRule).max(50).default([]),
  capture: z.record(ValueName, Expression).default({}),
  idempotent: z.boolean().default(false),
  undo: Undo.optional(),
};
export const Inside = z.strictObject(inside);
export const StepShape = z.strictObject({
  ...inside,
  parallel: z.array(oneVerb(Inside, "a group inside a group is a plan of its own")).min(1).max(50).optional(),
});

export const Step = oneVerb(StepShape);
export type Step = z.infer<typeof StepShape>;
/** A step of a group. */
export type InnerStep = z.infer<typeof Inside>;

/** Says first what no schema of a strict object can: that there is one verb, and that the rest belongs to it. */
function oneVerb<T extends z.ZodType>(shape: T, noGroup?: string): z.ZodType<z.output<T>> {
  return z
    .unknown()
    .superRefine((value, ctx) => {
      if (typeof value !== "object" || value === null) return;
      const fault = (message: string, path: string[] = []): void =>
        ctx.addIssue({ code: "custom", path, message });
      if (noGroup !== undefined && "parallel" in value) fault(noGroup, ["parallel"]);
      const [verb, ...others] = STEP_VERBS.filter((one) => one in value);
      if (verb === undefined || others.length > 0) {
        fault(`a step has exactly one of ${STEP_VERBS.join(", ")}`);
        return;
      }
      for (const [key, verbs] of Object.entries(BELONGS))
        if (isSaid(value, key) && !verbs.includes(verb))
          fault(`${key} does not belong to ${"aeiou".includes(verb.charAt(0)) ? "an" : "a"} ${verb} step`, [
            key,
          ]);
    })
    .pipe(shape);
}

/** Whether a key has a value that means something: a definition that was read has all its defaults. */
function isSaid(value: object, key: string): boolean {
  const said = (value as Record<string, unknown>)[key];
  if (said === undefined || said === false || said === 0) return false;
  if (key === "retry") return (said as { attempts?: unknown }).attempts !== 1;
  return typeof said !== "object" || said === null || Object.keys(said).length > 0;
}

/** What a step does; the schema has made sure that there is one. */
export function verbOf(step: Step): StepVerb {
  const verb = STEP_VERBS.find((one) => step[one] !== undefined);
  if (verb === undefined) throw new TypeError("a step without a verb");
  return verb;
}

/** A step's reference: its own, else `step-N`, from 1. */
export const stepReference = (step: { readonly reference?: string | undefined }, index: number): string =>
  step.reference ?? `step-${String(index + 1)}`;
