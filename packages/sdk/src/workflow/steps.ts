import {
  type Cut,
  cutSteps,
  type Ending,
  endingOf,
  keepSignal,
  placed,
  takeSignal,
  toInstant,
  withEnd,
} from "@jetmesh/lifecycle";
import {
  type ActionRecord,
  type JsonObject,
  MAX_STEPS,
  type OlderSteps,
  type Signal,
  type WorkflowStep,
} from "@jetmesh/protocol";
import type { ReceivedNote } from "@jetmesh/runner";
import { BrokenWorkflowError, StepError } from "./step-error.ts";

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

export type NewStep = Omit<WorkflowStep, "place" | "n" | "at" | "end">;
type Pending = readonly (readonly [place: number, step: WorkflowStep, code: StepCode])[];

/**
 * The steps of one pass through a workflow's code. The code begins them in an order that must be the recorded one as far as
 * that goes, and is given the recorded ends one by one, in their order: so it takes the same way as before, races included
 * (ADR 0033). What was given to the code is kept here no longer than the record keeps it, so that a write costs what is
 * open and not what has been (ADR 0035).
 */
export interface Steps {
  /** For the record, as it is to be written next. */
  left(): {
    readonly steps: WorkflowStep[];
    readonly signals: readonly Signal[];
    readonly older?: OlderSteps;
  };
  /** What the record need not hold any more, once it lies elsewhere. */
  cut(): Cut | undefined;
  drop(cut: Cut): void;
  /** Those that have not ended, by their place. */
  readonly pending: Pending;
  /** One that has not ended. */
  open(place: number): WorkflowStep | undefined;
  /** Why the code cannot be the one that the record is of, or cannot go on. */
  broken(): BrokenWorkflowError | undefined;
  /** There is something that the record has not. */
  readonly isDirty: boolean;
  /** The instant of what the code was given last: the same each time it comes here. */
  readonly now: number;
  /** The code is still being led to where it was. */
  readonly isReplaying: boolean;
  /** It was in the record when this pass began. */
  isRecorded(place: number): boolean;
  /** The code begins a step, and is given its end. */
  begin(
    given: NewStep,
    code: StepCode,
    at: number,
  ): { readonly place: number; readonly end: Promise<unknown> };
  /** Gives the code the next end that there is; false where it has been given all. */
  deliver(): boolean;
  /** The code has come to a stand: it has begun all that it had begun before, or it is another code. */
  expectAllBegun(): void;
  end(place: number, ended: Ending, now: number): void;
  change(place: number, more: Partial<Pick<WorkflowStep, "made" | "cancel">>): void;
  /** Takes what was told; answers at once where there is nothing to write of it. */
  keep(received: ReceivedNote, now: number): boolean;
  /** Ends what ends by itself: sleeps that are over, and waits whose signal is there or does not come any more. */
  endWaits(now: number): boolean;
  /** What the code began last and nobody knows of does not begin any more. */
  dropNew(): void;
  wrote(): void;
}

export function createSteps(
  record: ActionRecord,
  before: readonly WorkflowStep[],
  idOf: (ref: string, n: number) => string,
): Steps {
  const { id, attempt } = record;
  /** By place: what the record holds, and what the code was not given the end of. */
  const kept = new Map(placed(record.steps ?? []).map((step) => [step.place, step]));
  const steps = new Map<number, WorkflowStep>();
  /** Places: of what has not ended, of ends by their order, of what waits for a child. */
  const open = new Set<number>();
  const ends = new Map<number, number>();
  const children = new Map<string, number>();
  const begun = new Map<number, Begun>();
  const uses = new Map<string, number>();
  const put = (step: WorkflowStep & { readonly place: number }): void => {
    kept.set(step.place, step);
    steps.set(step.place, step);
  };
  const opened = (step: WorkflowStep & { readonly place: number }): void => {
    open.add(step.place);
    if (step.child !== undefined) children.set(step.child, step.place);
  };
  for (const step of [...placed(before), ...kept.values()]) {
    steps.set(step.place, step);
    if (step.end === undefined) opened(step);
    else ends.set(step.end.order, step.place);
  }
  const recorded = steps.size;
  let signals: readonly Signal[] = record.signals ?? [];
  // What attempts before have left is gone by now.
  let older = record.older === undefined ? undefined : { ...record.older, from: record.older.first };
  let all = recorded;
  let begunSoFar = 0;
  let ended = ends.size;
  let delivered = 0;
  let written = { steps: all, ends: ended };
  let writing = written;
  let isDirty = false;
  let broken: BrokenWorkflowError | undefined;
  const began = record.transitions.findLast(({ to }) => to === "EXECUTING_MAIN")?.at ?? record.createdAt;
  let now = Date.parse(began);

  const changed = (message: string): void => {
    broken ??= new BrokenWorkflowError("non_deterministic", message);
  };
  const openStep = (place: number): WorkflowStep | undefined =>
    open.has(place) ? steps.get(place) : undefined;
  const end = (place: number, ending: Ending, at: number): void => {
    const step = openStep(place);
    if (step === undefined) return;
    put({ ...withEnd(step, ending, ended, at), place });
    ends.set(ended, place);
    ended += 1;
    open.delete(place);
    if (step.child !== undefined) children.delete(step.child);
    isDirty = true;
  };

  return {
    left() {
      writing = { steps: all, ends: ended };
      isDirty = false;
      return { steps: [...kept.values()], signals, ...(older === undefined ? {} : { older }) };
    },
    wrote: () => (written = writing),
    cut: () =>
      cutSteps(
        { id, attempt, steps: [...kept.values()], ...(older === undefined ? {} : { older }) },
        written.ends,
      ),
    drop({ chunks, kept: { older: next } }) {
      for (const { steps: gone } of chunks) for (const { place } of placed(gone)) kept.delete(place);
      older = next;
    },
    get pending() {
      return [...open].flatMap((place) => {
        const step = steps.get(place);
        return step === undefined ? [] : [[place, step, begun.get(place) ?? {}] as const];
      });
    },
    open: openStep,
    broken: () => broken,
    get isDirty() {
      return isDirty;
    },
    get now() {
      return now;
    },
    get isReplaying() {
      return begunSoFar < recorded;
    },
    isRecorded: (place) => place < recorded,
    begin(given, code, at) {
      const n = uses.get(given.ref) ?? 0;
      uses.set(given.ref, n + 1);
      const place = begunSoFar;
      begunSoFar += 1;
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      // What the code never waits for is no fault of the process.
      promise.catch(() => undefined);
      begun.set(place, { ...code, resolve, reject });
      const before = steps.get(place);
      if (before !== undefined) {
        if (nameOf(before) !== nameOf({ ...given, n }))
          changed(`step ${String(place + 1)} was ${nameOf(before)} and is now ${nameOf({ ...given, n })}`);
      } else if (place >= MAX_STEPS) {
        const message = `a workflow has at most ${String(MAX_STEPS)} steps an attempt: have a step be a workflow of its own`;
        broken ??= new BrokenWorkflowError("too_many_steps", message);
      } else {
        const child = given.what === "action" ? { child: idOf(given.ref, n) } : {};
        const step = { place, ...given, n, at: toInstant(at), ...child };
        put(step);
        opened(step);
        all += 1;
        isDirty = true;
      }
      return { place, end: promise };
    },
    deliver() {
      const place = ends.get(delivered);
      const step = place === undefined ? undefined : steps.get(place);
      if (place === undefined || step?.end === undefined) return false;
      const code = begun.get(place);
      if (code === undefined) {
        changed(`step ${String(place + 1)}, ${nameOf(step)}, had been begun by now and is not`);
        return false;
      }
      ends.delete(delivered);
      steps.delete(place);
      begun.delete(place);
      delivered += 1;
      now = Math.max(now, Date.parse(step.end.at));
      give(step, step.end, code);
      return true;
    },
    expectAllBegun() {
      const missing = steps.get(begunSoFar);
      if (missing !== undefined)
        changed(
          `step ${String(begunSoFar + 1)}, ${nameOf(missing)}, had been begun before and is not any more`,
        );
    },
    end,
    change(place, more) {
      const step = openStep(place);
      if (step === undefined) return;
      put({ ...step, ...more, place });
      isDirty = true;
    },
    keep({ note, answer }, at) {
      const place = note.of === "child" ? children.get(note.child) : undefined;
      if (note.of === "child" && place !== undefined) {
        end(place, endingOf(note), at);
        return true;
      }
      const told = note.of === "signal" ? keepSignal(signals, note.signal) : "already";
      if (typeof told === "string") {
        answer(told === "full" ? "full" : "noted");
        return false;
      }
      signals = told;
      isDirty = true;
      return true;
    },
    endWaits(at) {
      let hasEnded = false;
      for (const place of [...open]) {
        const step = steps.get(place);
        if (step === undefined || (step.what !== "sleep" && step.what !== "wait")) continue;
        const taken = step.what === "wait" ? takeSignal(signals, step.of ?? step.ref) : undefined;
        if (taken === undefined && !(step.until !== undefined && Date.parse(step.until) <= at)) continue;
        if (taken !== undefined) signals = taken.signals;
        end(place, endOfWait(step, taken?.signal), at);
        hasEnded = true;
      }
      return hasEnded;
    },
    dropNew() {
      for (const place of [...open]) {
        if (place < written.steps || steps.get(place)?.detached !== undefined) continue;
        open.delete(place);
        kept.delete(place);
        steps.delete(place);
      }
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
