import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Step } from "@jetmesh/protocol";
import { runStep, type StepContext, type StepResult } from "../src/steps/run-step.ts";

export interface Ran {
  readonly result: StepResult;
  readonly stdout: string;
  readonly stderr: string;
}

/** A step as a person writes it. */
export const stepOf = (written: object): Step => Step.parse(written);

export function contextOf(overrides: Partial<StepContext> = {}): StepContext {
  return {
    values: {},
    readSecrets: () => Promise.resolve({ values: {} }),
    environment: {},
    signal: new AbortController().signal,
    output: () => undefined,
    random: () => 0,
    graceMs: 5_000,
    ...overrides,
  };
}

/** Runs a step to its end, and keeps what it printed. */
export async function run(written: object, overrides: Partial<StepContext> = {}): Promise<Ran> {
  const printed = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  const context = contextOf({ output: (stream, chunk) => void printed[stream].push(chunk), ...overrides });
  const result = await runStep(stepOf(written), context);
  return { result, stdout: textOf(printed.stdout), stderr: textOf(printed.stderr) };
}

const textOf = (chunks: Uint8Array[]): string => Buffer.concat(chunks).toString();

/** Begins a step that prints, and answers with it and its first complete line. */
export async function begin(
  written: object,
  overrides: Partial<StepContext> = {},
): Promise<{ line: string; ended: Promise<StepResult> }> {
  let printed = "";
  const context = contextOf({
    output: (_stream, chunk) => void (printed += String(Buffer.from(chunk))),
    ...overrides,
  });
  const ended = runStep(stepOf(written), context);
  const line = await eventually(
    () => printed,
    (text) => text.includes("\n"),
  );
  return { line: line.slice(0, line.indexOf("\n")), ended };
}

/** Reads until it is as wanted; reports what it last saw when the time is over. */
export async function eventually<T>(
  read: () => T | Promise<T>,
  isWanted: (value: T) => boolean,
  withinMs = 5_000,
): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const value = await read();
    if (isWanted(value)) return value;
    if (performance.now() > deadline) {
      throw new Error(`not so within ${String(withinMs)} ms; last seen: ${JSON.stringify(value)}`);
    }
    await sleep(10);
  }
}

/** A zombie has ended: it only waits to be collected, in some containers for ever. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, "latin1");
    return !["Z", "X"].includes(stat.slice(stat.lastIndexOf(")") + 2)[0] ?? "");
  } catch {
    return false;
  }
}
