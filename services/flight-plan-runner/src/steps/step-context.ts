import type { TemplateValues } from "@jetmesh/flight-plan";
import type { ActionError, ActionErrorCode, JsonObject } from "@jetmesh/protocol";
import type { ReadSecrets } from "@jetmesh/runner";

/** What a step is given by whoever runs its plan. */
export interface StepContext {
  /** What templates see: variables by name, `outputs`, `jet`, `template`, `action`, `argument`. */
  readonly values: TemplateValues;
  /** Gives the secrets that the step names; kept for no longer than it runs. */
  readonly readSecrets: (names: readonly string[]) => Promise<ReadSecrets>;
  /** `JM_JET`, `JM_ACTION_ID`, … for the step's processes; for variables there is `variableEnvironment`. */
  readonly environment: Readonly<Record<string, string>>;
  /** Cancel, a delay or fencing: the step's processes are ended. */
  readonly signal: AbortSignal;
  /**
   * Takes what the step prints. While a promise that it returned is pending the stream is not read, so a slow
   * reader slows the step down and nothing piles up here. What it throws is its own affair: the chunk is lost,
   * the step goes on.
   */
  readonly output: (stream: OutputStream, chunk: Uint8Array) => void | Promise<void>;
  /** In [0, 1): spreads the waits between tries. */
  readonly random: () => number;
  /** Between SIGTERM and SIGKILL of the step's processes. */
  readonly graceMs: number;
}

export type OutputStream = "stdout" | "stderr";

/** `StepContext.output` made safe: it neither throws nor rejects. */
export type Output = (stream: OutputStream, chunk: Uint8Array) => Promise<void> | undefined;

/** How a command or a request ended, where it has ended in a way that says something. */
export interface StepStatus {
  readonly exitCode?: number;
  readonly status?: number;
}

export type StepResult =
  | ({
      readonly outcome: "SUCCESS";
      readonly tries: number;
      readonly outputs?: JsonObject;
    } & StepStatus)
  | ({ readonly outcome: "ERROR"; readonly tries: number; readonly error: ActionError } & StepStatus);

/** One try of a step: `failure` says why it was none that succeeded. */
export interface TryResult extends StepStatus {
  readonly failure?: string;
  /** Where it is not `step_failed`. */
  readonly code?: ActionErrorCode;
  /** Of a file: whether it is another than before. */
  readonly changed?: boolean;
  /** It was ended from outside, by the signal, and did not end by itself. */
  readonly cut?: boolean;
}

/** A step with its templates rendered, to be tried once or more; resolves when nothing of the try runs. */
export type Attempt = (signal: AbortSignal) => Promise<TryResult>;
