import { type Secrets, secretNamesOf, TemplateError } from "@jetmesh/flight-plan";
import { backoffMs } from "@jetmesh/lifecycle";
import type { ActionError, Step } from "@jetmesh/protocol";
import { maskStep, type StepMask } from "../secrets/mask-step.ts";
import { type CapturedOutput, captureOutput, readCaptures } from "./captured-output.ts";
import { prepareFile } from "./file/file.ts";
import { prepareHttp } from "./http.ts";
import { createRenders } from "./renders.ts";
import { prepareShell } from "./shell.ts";
import { prepareSsh } from "./ssh/ssh.ts";
import type { Attempt, Output, StepContext, StepResult, StepStatus, TryResult } from "./step-context.ts";
import { pause, unlessAborted, withTimeLimit } from "./time-limit.ts";

export type { OutputStream, StepContext, StepResult } from "./step-context.ts";

/** What of a step is run here: of one that waits, its plan waits. */
export type RunnableStep = Pick<
  Step,
  "shell" | "ssh" | "http" | "file" | "cwd" | "env" | "timeout" | "retry"
> &
  Partial<Pick<Step, "capture">>;

/**
 * Runs a shell, an ssh, an http or a file step, with its retries. It resolves when nothing of the step runs any more, except for
 * processes that left its session on purpose, and a step that fails is a result, never a rejection.
 */
export async function runStep(step: RunnableStep, context: StepContext): Promise<StepResult> {
  // Those of its undo are asked for when that runs.
  const names = secretNamesOf({ env: step.env, http: step.http, file: step.file });
  if (names.length === 0) return tryStep(step, context, {});
  const read = await unlessAborted(context.readSecrets(names), context.signal);
  if (read === undefined) return failed(0, canceledBy(context.signal));
  return "error" in read ? failed(0, read.error) : tryStep(step, context, read.values);
}

/** What it prints is masked before anything of it is kept or shown, and so is how it ends. */
async function tryStep(step: RunnableStep, context: StepContext, secrets: Secrets): Promise<StepResult> {
  const captured = captureOutput(context.output, step.capture ?? {});
  const mask = maskStep(captured.output, secrets);
  return mask.result(await tryAgain(step, { ...context, output: mask.output }, { captured, mask, secrets }));
}

interface Guarded {
  readonly captured: CapturedOutput;
  readonly mask: StepMask;
  readonly secrets: Secrets;
}

async function tryAgain(
  step: RunnableStep,
  context: StepContext,
  { captured, mask, secrets }: Guarded,
): Promise<StepResult> {
  const captures = { ...(step.file === undefined ? {} : { changed: "changed" }), ...step.capture };
  let attempt: Attempt;
  try {
    attempt = prepare(step, context, secrets);
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    return failed(0, { code: "step_failed", message: `broken template in ${error.message}` });
  }
  let tries = 0;
  let last: StepStatus = {};
  while (!context.signal.aborted) {
    tries += 1;
    captured.clear();
    const { value, timedOut } = await withTimeLimit(context.signal, step.timeout, attempt);
    await mask.flush();
    const { failure, cut, code: _code, changed: _changed, ...status } = value;
    last = status;
    if (failure === undefined && cut !== true) {
      const read = readCaptures(captures, captured, value, context.values);
      if ("error" in read) return failed(tries, read.error, status);
      return { outcome: "SUCCESS", tries, ...status, ...read };
    }
    if (cut === true && !timedOut) break;
    if (tries >= step.retry.attempts) return failed(tries, errorOf(value, timedOut, step.timeout), status);
    await pause(backoffMs(step.retry, tries, context.random()), context.signal);
  }
  return failed(tries, canceledBy(context.signal), last);
}

function prepare(step: RunnableStep, context: StepContext, secrets: Secrets): Attempt {
  const renders = createRenders(context.values, secrets);
  const output = withoutFailure(context.output);
  if (step.shell !== undefined) return prepareShell({ ...step, shell: step.shell }, context, output, renders);
  if (step.ssh !== undefined) return prepareSsh({ ...step, ssh: step.ssh }, context, output, renders);
  if (step.http !== undefined) return prepareHttp(step.http, output, renders);
  if (step.file !== undefined) return prepareFile(step.file, context, output, renders);
  throw new TypeError("a step that waits is not run: its plan waits");
}

/** What goes wrong with the output is no fault of the step, which must end whatever becomes of its lines. */
function withoutFailure(output: StepContext["output"]): Output {
  return (stream, chunk) => {
    try {
      return output(stream, chunk)?.catch(() => undefined);
    } catch {
      return undefined;
    }
  };
}

const failed = (tries: number, error: ActionError, status: StepStatus = {}): StepResult => ({
  outcome: "ERROR",
  tries,
  ...status,
  error,
});

function errorOf({ failure, cut, code }: TryResult, timedOut: boolean, timeoutMs: number): ActionError {
  if (cut === true && timedOut) {
    return { code: "step_timeout", message: `did not end within ${String(timeoutMs)} ms` };
  }
  return { code: code ?? "step_failed", message: failure ?? "failed" };
}

/** Whoever aborts may say why, by a reason that carries a code. */
function canceledBy(signal: AbortSignal): ActionError {
  const reason: unknown = signal.reason;
  const { code, message } = (typeof reason === "object" && reason !== null ? reason : {}) as Record<
    string,
    unknown
  >;
  if (typeof code !== "string") return { code: "canceled", message: "canceled" };
  return { code, message: typeof message === "string" && message !== "" ? message : code };
}
