import { ExpressionError, evaluate, type TemplateValues } from "@jetmesh/flight-plan";
import type { ActionError, JsonObject } from "@jetmesh/protocol";
import type { OutputStream, StepContext, TryResult } from "./step-context.ts";

/** So much of what a step prints can be captured; what prints more is told so, and not cut in silence. */
const MAX_CAPTURED_BYTES = 64 * 1024;

export interface CapturedOutput {
  readonly output: StepContext["output"];
  /** What was printed, without the line ends behind it; undefined where it was more than can be kept. */
  textOf(stream: OutputStream): string | undefined;
  /** A new try begins. */
  clear(): void;
}

/** Keeps what goes through, up to a limit, where something is to be captured. */
export function captureOutput(
  output: StepContext["output"],
  captures: Readonly<Record<string, string>>,
): CapturedOutput {
  const keeps = Object.keys(captures).length > 0;
  let kept: Record<OutputStream, Uint8Array[]> = { stdout: [], stderr: [] };
  let bytes: Record<OutputStream, number> = { stdout: 0, stderr: 0 };
  return {
    output: keeps
      ? (stream, chunk) => {
          bytes[stream] += chunk.length;
          if (bytes[stream] < MAX_CAPTURED_BYTES) kept[stream].push(chunk.slice());
          return output(stream, chunk);
        }
      : output,
    textOf(stream) {
      if (bytes[stream] >= MAX_CAPTURED_BYTES) return undefined;
      return Buffer.concat(kept[stream])
        .toString("utf8")
        .replace(/[\r\n]+$/, "");
    },
    clear() {
      kept = { stdout: [], stderr: [] };
      bytes = { stdout: 0, stderr: 0 };
    },
  };
}

/**
 * What a step's captures come to: expressions over what it printed (`stdout`, `stderr`, and `json` where that is JSON; the
 * body of an http answer is its `stdout`), `code`, `status`, `changed`, and all that its templates see.
 */
export function readCaptures(
  captures: Readonly<Record<string, string>>,
  printed: Pick<CapturedOutput, "textOf">,
  { exitCode, status, changed }: TryResult,
  values: TemplateValues,
): { readonly outputs?: JsonObject } | { readonly error: ActionError } {
  const stdout = printed.textOf("stdout");
  const stderr = printed.textOf("stderr");
  const json = parsed(stdout);
  const much = "it printed more than 64 KB";
  return evaluateCaptures(
    captures,
    { ...values, stdout, stderr, json, code: exitCode, status, changed },
    {
      ...(stdout === undefined ? { stdout: much } : {}),
      ...(stderr === undefined ? { stderr: much } : {}),
      ...(json === undefined ? { json: stdout === undefined ? much : "what it printed is no JSON" } : {}),
    },
  );
}

export function evaluateCaptures(
  captures: Readonly<Record<string, string>>,
  values: TemplateValues,
  /** Why names are not there that might be. */
  missing: Readonly<Record<string, string>> = {},
): { readonly outputs?: JsonObject } | { readonly error: ActionError } {
  const outputs: JsonObject = {};
  for (const [name, expression] of Object.entries(captures)) {
    try {
      outputs[name] = evaluate(expression, values);
    } catch (thrown) {
      if (!(thrown instanceof ExpressionError)) throw thrown;
      const why = missing[/^Unknown variable: (\w+)$/.exec(thrown.message)?.[1] ?? ""];
      const message = `capture of '${name}': ${thrown.message}${why === undefined ? "" : ` (${why})`}`;
      return { error: { code: "step_failed", message } };
    }
  }
  return Object.keys(outputs).length === 0 ? {} : { outputs };
}

/** Undefined, as a name that is not there, where it is no JSON, or more than can be kept. */
function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    return undefined;
  }
}
