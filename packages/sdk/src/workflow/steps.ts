import { type Ending, endingOf, endStep, keepNote, takeSignal, toInstant } from "@jetmesh/lifecycle";
import type { ActionRecord, JsonObject, Signal, WorkflowStep } from "@jetmesh/protocol";
import type { ReceivedNote } from "@jetmesh/runner";
import { ChangedWorkflowError, StepError } from "./step-error.ts";

/** What the code of a workflow asks for, beyond what is written of it. */
export interface StepCode {
  /** Looks at a result before the code gets it. */
  readonly parse?: (result: unknown) => unknown;
  /** What an action is to be made with. */
  readonly make?: JsonObject;
  /** A function of the workflow's own. */
  readonly call?: () => unknown;
  /** It may run again when its runner was lost in it. */
  readonly idempotent?: boolean;
  /** Whom a signal is for, and what it carries. */
  readonly send?: { readonly to: string; readonly payload?: unknown };
}

interface Begun extends StepCode {
  readonly resolve: (value: unknown) => void;
  readonly reject: (thrown: Error) => void;
}

export type NewStep = Omit<WorkflowStep, "n" | "at" | "end">;

/**
 * The steps of one pass through a workflow's code. The code begins them in an order that must be the recorded one as far as
 * that goes, and is given the recorded ends one by one, in their order: so it takes the same way as before, races included
 * (ADR 0033).
 */
export interface Steps {
  readonly all: readonly WorkflowStep[];
  readonly signals: readonly Signal[];
  /** Those that have not ended, by their place. */
  readonly pending: readonly (readonly [index: number, step: WorkflowStep, code: StepCode])[];
  /** Why the code cannot be the one that the record is of. */
  changed(): ChangedWorkflowError | undefined;
  /** There is something that the record has not. */
  readonly isDirty: boolean;
  /** The instant of what the code was given last: the same each time it comes here. */
  readonly now: number;
  /** The code is still being led to where it was. */
  readonly isReplaying: boolean;
  /** It was in the record when this pass began. */
  isRecorded(index: number): boolean;
  /** The code begins a step, and is given its end. */
  begin(
    given: NewStep,
    code: StepCode,
    at: number,
  ): { readonly index: number; readonly end: Promise<unknown> };
  /** Gives the code the next end that there is; false where it has been given all. */
  deliver(): boolean;
  /** The code has come to a stand: it has begun all that it had begun before, or it is another code. */
  expectAllBegun(): void;
  end(index: number, ended: Ending, now: number): void;
  change(index: number, more: Partial<Pick<WorkflowStep, "made" | "cancel">>): void;
  /** Takes what was told; answers at once where there is nothing to write of it. */
  keep(received: ReceivedNote, now: number): boolean;
  /** Ends what ends by itself: sleeps that are over, and waits whose signal is there or does not come any more. */
  endWaits(now: number): boolean;
  /** What the code began last and nobody knows of does not begin any more. */
  dropNew(): void;
  wrote(): void;
}

export function createSteps(record: ActionRecord, idOf: (ref: string, n: number) => string): Steps {
  let steps: readonly WorkflowStep[] = record.steps ?? [];
  let signals: readonly Signal[] = record.signals ?? [];
  const recorded = steps.length;
  const begun: Begun[] = [];
  const uses = new Map<string, number>();
  let written = recorded;
  let delivered = 0;
  let isDirty = false;
  let changed: ChangedWorkflowError | undefined;
  const began = record.transitions.findLast(({ to }) => to === "EXECUTING_MAIN")?.at ?? record.createdAt;
  let now = Date.parse(began);

  const change = (message: string): void => {
    changed ??= new ChangedWorkflowError(message);
  };
  const end = (index: number, ended: Ending, at: number): void => {
    const which = steps[index];
    steps = endStep(steps, (step) => step === which, ended, at) ?? steps;
    isDirty = true;
  };

  return {
    get all() {
      return steps;
    },
    get signals() {
      return signals;
    },
    get pending() {
      return steps.flatMap((step, index) =>
        step.end === undefined ? [[index, step, begun[index] ?? {}] as const] : [],
      );
    },
    changed: () => changed,
    get isDirty() {
      return isDirty;
    },
    get now() {
      return now;
    },
    get isReplaying() {
      return begun.length < recorded;
    },
    isRecorded: (index) => index < recorded,
    begin(given, code, at) {
      const n = uses.get(given.ref) ?? 0;
      uses.set(given.ref, n + 1);
      const index = begun.length;
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      // What the code never waits for is no fault of the process.
      promise.catch(() => undefined);
      begun.push({ ...code, resolve, reject });
      const before = steps[index];
      if (before === undefined) {
        const child = given.what === "action" ? { child: idOf(given.ref, n) } : {};
        steps = [...steps, { ...given, n, at: toInstant(at), ...child }];
        isDirty = true;
      } else if (nameOf(before) !== nameOf({ ...given, n }))
        change(`step ${String(index + 1)} was ${nameOf(before)} and is now ${nameOf({ ...given, n })}`);
      return { index, end: promise };
    },
    deliver() {
      const index = steps.findIndex((step) => step.end?.order === delivered);
      const step = steps[index];
      if (step?.end === undefined) return false;
      const code = begun[index];
      if (code === undefined) {
        change(`step ${String(index + 1)}, ${nameOf(step)}, had been begun by now and is not`);
        return false;
      }
      delivered += 1;
      now = Math.max(now, Date.parse(step.end.at));
      give(step, step.end, code);
      return true;
    },
    expectAllBegun() {
      const missing = steps[begun.length];
      if (missing !== undefined)
        change(
          `step ${String(begun.length + 1)}, ${nameOf(missing)}, had been begun before and is not any more`,
        );
    },
    end,
    change(index, more) {
      const step = steps[index];
      if (step === undefined) return;
      steps = steps.with(index, { ...step, ...more });
      isDirty = true;
    },
    keep({ note, answer }, at) {
      const kept = keepNote({ steps: [...steps], signals: [...signals] }, note, at);
      if (typeof kept === "string") {
        answer(kept === "full" ? "full" : "noted");
        return false;
      }
      steps = kept.steps ?? steps;
      signals = kept.signals ?? signals;
      isDirty = true;
      return true;
    },
    endWaits(at) {
      let hasEnded = false;
      for (const [index, step] of steps.entries()) {
        if (step.end !== undefined || (step.what !== "sleep" && step.what !== "wait")) continue;
        const taken = step.what === "wait" ? takeSignal(signals, step.of ?? step.ref) : undefined;
        if (taken === undefined && !(step.until !== undefined && Date.parse(step.until) <= at)) continue;
        if (taken !== undefined) signals = taken.signals;
        end(index, endOfWait(step, taken?.signal), at);
        hasEnded = true;
      }
      return hasEnded;
    },
    dropNew() {
      steps = steps.filter(
        (step, index) => index < written || step.end !== undefined || step.detached !== undefined,
      );
    },
    wrote() {
      written = steps.length;
      isDirty = false;
    },
  };
}

type Named = Pick<WorkflowStep, "what" | "ref" | "n" | "of">;
const nameOf = ({ what, ref, n, of }: Named): string =>
  `${what} '${ref}'${of === undefined || of === ref ? "" : ` of '${of}'`}${n === 0 ? "" : `, use ${String(n + 1)}`}`;

function give(step: WorkflowStep, end: Ending, { resolve, reject, parse }: Begun): void {
  if (end.outcome === "ERROR") {
    const child = step.child === undefined ? undefined : { id: step.child, kind: step.of ?? "" };
    return reject(new StepError(step.ref, end.error ?? { code: "step_failed", message: "it failed" }, child));
  }
  try {
    resolve(parse === undefined ? end.result : parse(end.result));
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    reject(new StepError(step.ref, { code: "invalid_result", message }));
  }
}

function endOfWait(step: WorkflowStep, signal: Signal | undefined): Ending {
  if (step.what === "sleep") return { outcome: "SUCCESS" };
  if (signal !== undefined) return endingOf({ outcome: "SUCCESS", result: signal.payload });
  const message = `no signal '${step.of ?? step.ref}' came in time`;
  return { outcome: "ERROR", error: { code: "signal_timeout", message } };
}
