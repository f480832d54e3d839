import { type Leavings, serializeError } from "@jetmesh/lifecycle";
import type { ActionError, WorkflowStep } from "@jetmesh/protocol";
import { type KindContext, StepsLostError } from "@jetmesh/runner";
import { actionIdOfChild } from "@jetmesh/service-kit";
import type { z } from "zod";
import { type DefinedAction, type Repeats, registrationOf, type Time } from "../define-action.ts";
import { rollBackSteps } from "./roll-back-steps.ts";
import { runPass } from "./run-pass.ts";
import { BrokenWorkflowError, StepError } from "./step-error.ts";
import { createSteps } from "./steps.ts";
import { createWorkflowContext, type WorkflowContext } from "./workflow-context.ts";

/**
 * A kind of action that is made of steps: ordinary asynchronous code. It holds no runner while it waits, goes on wherever
 * a runner knows it, and what it has done it does not do again (ADR 0033).
 */
export interface WorkflowOptions<A extends z.ZodType, R extends z.ZodType> {
  readonly kind: string;
  readonly argument: A;
  readonly result: R;
  /** Where its code runs; by default in a pool of the kind's own name. */
  readonly pool?: string;
  run(context: WorkflowContext<z.output<A>>): Promise<z.input<R>>;
  /** It can be rolled back: what its steps did is undone, the last one first, by the rollback of each one's kind. */
  readonly rollback?: true;
  /** Start: how long until a runner begins it; deadline: of all of it. None by default. */
  readonly delays?: { readonly start?: Time; readonly deadline?: Time };
  /** How often it runs again, from its start and with new steps. */
  readonly repeat?: Repeats;
  /** As of any kind: what makes two of them the same, and whether it is done once. */
  readonly identity?: true | readonly (keyof z.input<A> & string)[];
  readonly once?: true;
  /** How long closed records are kept: a day by default, seven where it can be rolled back. */
  readonly keep?: Time;
}

export function defineWorkflow<A extends z.ZodType, R extends z.ZodType>(
  options: WorkflowOptions<A, R>,
): DefinedAction<A, R> {
  const { kind, argument, result } = options;
  const pass = async (given: KindContext): Promise<WorkflowAnswer> => {
    const { record } = given;
    const idOf = (ref: string, n: number): string =>
      actionIdOfChild(record.id, `${String(record.attempt)}.${ref}`, n);
    const older = await readOlder(given);
    if ("error" in older) return { state: "ERROR", error: older.error };
    const steps = createSteps(record, older, idOf);
    const context = createWorkflowContext(given, steps, argument.parse(record.argument));
    const end = await runPass(given, steps, async () => options.run(context));
    const left = steps.left();
    switch (end.is) {
      case "returned":
        return ended(left, result.safeParse(end.value));
      case "threw":
        return { ...left, state: "ERROR", error: errorOf(end.thrown) };
      case "waiting":
        return { ...left, state: "IN_PROGRESS", watchAt: end.watchAt };
      case "pausing":
        return { ...left, state: "PAUSED" };
    }
  };
  return {
    name: kind,
    argument,
    result,
    takesNotes: true,
    isPatient: true,
    registers: registrationOf({
      ...options,
      // It has no main that could hang, and may wait as long as it likes.
      delays: { ...options.delays, main: 0, progress: 0 },
    }),
    main: pass,
    watcher: pass,
    ...(options.rollback === true ? { rollback: rollBackSteps } : {}),
  };
}

/** The steps that lie in its record no more; those of attempts before are rid of. */
async function readOlder({
  shelf,
}: KindContext): Promise<readonly WorkflowStep[] | { readonly error: ActionError }> {
  try {
    await shelf.dropLeft();
    return await shelf.load();
  } catch (thrown) {
    // For good, and with nothing run: without them it would begin all that is over once more.
    if (thrown instanceof StepsLostError) return { error: serializeError(thrown, "steps_lost") };
    throw thrown;
  }
}

type WorkflowAnswer = Awaited<ReturnType<DefinedAction["main"]>> & {
  state: "SUCCESS" | "ERROR" | "IN_PROGRESS" | "PAUSED";
};

/** For good, also where it is no result: a watcher that throws would be asked again. */
function ended(left: Leavings, parsed: z.ZodSafeParseResult<unknown>): WorkflowAnswer {
  if (parsed.success) return { ...left, state: "SUCCESS", result: parsed.data as Leavings["result"] };
  return { ...left, state: "ERROR", error: { code: "invalid_result", message: parsed.error.message } };
}

function errorOf(thrown: unknown): ReturnType<typeof serializeError> {
  if (thrown instanceof StepError) return thrown.toError();
  return serializeError(thrown, thrown instanceof BrokenWorkflowError ? thrown.code : "main_threw");
}
