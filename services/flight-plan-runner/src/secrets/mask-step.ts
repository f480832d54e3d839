import type { Secrets } from "@jetmesh/flight-plan";
import type { ActionError, JsonObject } from "@jetmesh/protocol";
import type { OutputStream, StepContext, StepResult } from "../steps/step-context.ts";
import { formsOfSecret } from "./forms-of-secret.ts";
import { type ByteMask, createByteMask, maskText } from "./mask-bytes.ts";

/** Keeps the secrets of a step out of what it prints and out of how it ends. */
export interface StepMask {
  readonly output: StepContext["output"];
  /** A try is over: what was held back is shown. */
  flush(): Promise<void>;
  result(result: StepResult): StepResult;
}

/** Without secrets everything goes through as it is. */
export function maskStep(output: StepContext["output"], secrets: Secrets): StepMask {
  const patterns = Object.values(secrets).flatMap(formsOfSecret);
  if (patterns.length === 0) return { output, flush: () => Promise.resolve(), result: (result) => result };
  const masks: Readonly<Record<OutputStream, ByteMask>> = {
    stdout: createByteMask(patterns),
    stderr: createByteMask(patterns),
  };
  const hand = (stream: OutputStream, shown: Uint8Array): void | Promise<void> =>
    shown.length === 0 ? undefined : output(stream, shown);
  const mask = (text: string): string => maskText(patterns, text);
  return {
    output: (stream, chunk) => hand(stream, masks[stream].write(chunk)),
    async flush() {
      for (const stream of ["stdout", "stderr"] as const) {
        try {
          await hand(stream, masks[stream].end());
        } catch {
          // What goes wrong with the output is no fault of the step.
        }
      }
    },
    result(result) {
      if (result.outcome === "ERROR") return { ...result, error: maskedError(result.error, mask) };
      const { outputs } = result;
      return outputs === undefined ? result : { ...result, outputs: masked(outputs, mask) as JsonObject };
    },
  };
}

const maskedError = ({ code, message }: ActionError, mask: (text: string) => string): ActionError => ({
  code,
  message: mask(message),
});

/** Strings and names, however deep: an expression may have put together what the output had in parts. */
function masked(value: JsonObject[string], mask: (text: string) => string): JsonObject[string] {
  if (typeof value === "string") return mask(value);
  if (Array.isArray(value)) return value.map((each) => masked(each as JsonObject[string], mask));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [mask(name), masked(each as JsonObject[string], mask)]),
  );
}
