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
      return outputs === undefined ? result : { ...result, outputs: maskedObject(outputs, mask) };
    },
  };
}

const maskedError = ({ code, message }: ActionError, mask: (text: string) => string): ActionError => ({
  code,
  message: mask(message),
});

type Json = JsonObject[string];

/** Strings and names, however deep: an expression may have put together what the output had in parts. */
const maskedObject = (value: JsonObject, mask: (text: string) => string): JsonObject =>
  Object.fromEntries(Object.entries(value).map(([name, each]) => [mask(name), masked(each, mask)]));

function masked(value: Json, mask: (text: string) => string): Json {
  if (typeof value === "string") return mask(value);
  if (isList(value)) return value.map((each) => masked(each, mask));
  return typeof value === "object" && value !== null ? maskedObject(value, mask) : value;
}

const isList = (value: Json): value is readonly Json[] & Json => Array.isArray(value);
