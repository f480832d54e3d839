import {
  type ActionRecord,
  type JournalEntry,
  MAX_SIGNALS,
  type Note,
  type Signal,
  type WorkflowStep,
} from "@jetmesh/protocol";
import { type Ending, endingOf } from "./ending.ts";
import { type Now, toInstant } from "./instants.ts";

/** So many signals that were taken are known if they are sent again. */
const MAX_TAKEN = 32;

type Kept = Partial<Pick<ActionRecord, "steps" | "older" | "journal" | "signals" | "pauseAsked">>;

/**
 * What an action is told, kept in its record. "already": it has it, or nobody waits for it; "full": as many signals wait
 * as may.
 */
export function keepNote(record: Kept, note: Note, now: Now): Kept | "already" | "full" {
  // One that has a leader ends with it, and keeps nothing of it.
  if (note.of === "leader") return "already";
  if (note.of === "pause") return record.pauseAsked === true ? "already" : { pauseAsked: true };
  if (note.of === "child") {
    const steps = endChild(record, note.child, note, now);
    if (steps !== undefined) return { steps };
    const journal = endChildOfPlan(record.journal ?? [], note);
    return journal === undefined ? "already" : { journal };
  }
  const signals = keepSignal(record.signals ?? [], note.signal);
  return typeof signals === "string" ? signals : { signals };
}

export function keepSignal(signals: readonly Signal[], signal: Signal): Signal[] | "already" | "full" {
  if (signals.some(({ id }) => id === signal.id)) return "already";
  const waiting = signals.filter(({ taken }) => taken === undefined);
  return waiting.length < MAX_SIGNALS ? [...signals, signal] : "full";
}

/** The steps with an end for that of a child; undefined where there is none such, or where it has ended. */
function endChild(
  { steps = [], older }: Kept,
  child: string,
  ending: Ending,
  now: Now,
): WorkflowStep[] | undefined {
  const index = steps.findIndex((step) => step.end === undefined && step.child === child);
  const step = steps[index];
  if (step === undefined) return undefined;
  const order = (older?.steps ?? 0) + steps.filter(({ end }) => end !== undefined).length;
  return steps.with(index, withEnd(step, ending, order, now));
}

/** The journal with an end for the child of an open step; undefined where no open step waits for it. */
function endChildOfPlan(
  journal: readonly JournalEntry[],
  { child, ...ending }: Extract<Note, { of: "child" }>,
): JournalEntry[] | undefined {
  const index = journal.findIndex(
    ({ endedAt, children = [] }) =>
      endedAt === undefined && children.some(({ id, end }) => id === child && end === undefined),
  );
  const entry = journal[index];
  if (entry?.children === undefined) return undefined;
  const children = entry.children.map((one) => (one.id === child ? { ...one, end: endingOf(ending) } : one));
  return journal.with(index, { ...entry, children });
}

/** A step with its end, which is the how manieth of all. */
export const withEnd = (step: WorkflowStep, ending: Ending, order: number, now: Now): WorkflowStep => ({
  ...step,
  end: { order, at: toInstant(now), ...endingOf(ending) },
});

/** The first of that name that waits, and the signals as they are once it is taken. */
export function takeSignal(
  signals: readonly Signal[],
  name: string,
): { readonly signal: Signal; readonly signals: Signal[] } | undefined {
  const signal = signals.find((one) => one.name === name && one.taken === undefined);
  if (signal === undefined) return undefined;
  const { payload: _payload, ...rest } = signal;
  const left = signals.map((one): Signal => (one === signal ? { ...rest, taken: true } : one));
  const known = left.filter(({ taken }) => taken === true);
  const forgotten = new Set(known.slice(0, Math.max(0, known.length - MAX_TAKEN)));
  return { signal, signals: left.filter((one) => !forgotten.has(one)) };
}
