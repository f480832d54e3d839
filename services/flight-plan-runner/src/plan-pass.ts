import {
  type Advance,
  advance,
  type OpenStep,
  type PlanEnd,
  type PlanNode,
  type TemplateValues,
} from "@jetmesh/flight-plan";
import { earliest, keepNote, toInstant, toMs } from "@jetmesh/lifecycle";
import type { ActionCut, ActionError, ActionRecord, Instant, JournalEntry, Signal } from "@jetmesh/protocol";
import type { KindContext, ReceivedNote } from "@jetmesh/runner";
import { actionIdOfChild } from "@jetmesh/service-kit";
import { planOf, valuesOf } from "./plan-facts.ts";

/**
 * A plan in the hands of a runner: its journal, what it was told, and what of that is not written yet. Who tells it
 * something waits for the write that has it.
 */
export interface PlanPass {
  readonly journal: readonly JournalEntry[];
  readonly signals: readonly Signal[];
  /** What the record is to keep. */
  readonly left: { readonly journal: readonly JournalEntry[]; readonly signals?: readonly Signal[] };
  /** What comes next, what is open and whether it has ended. */
  look(): Advance;
  /** Has that begin which was looked at. */
  open(next: Advance): void;
  replace(entry: JournalEntry): void;
  takeSignal(signals: readonly Signal[]): void;
  takeNotes(): void;
  readonly isDirty: boolean;
  write(): Promise<void>;
}

/** The journal with what comes next opened; an action that a step begins is named by the write that opens the step. */
export function openNext(
  { tree, values }: { readonly tree: PlanNode; readonly values: TemplateValues },
  record: Pick<ActionRecord, "id" | "attempt">,
  journal: readonly JournalEntry[],
  now: number,
  cut?: ActionCut,
): Advance {
  const deadline = cut === undefined ? undefined : { at: toMs(cut.at), error: cut.error };
  const next = advance(tree, journal, values, now, deadline);
  if (next.journal === journal || next.open.every(({ node }) => node.step.action === undefined)) return next;
  const isNew = new Set(next.journal.slice(journal.length).map(({ reference }) => reference));
  const named = (open: OpenStep): OpenStep => {
    const { action } = open.node.step;
    if (action === undefined || !isNew.has(open.entry.reference)) return open;
    const child = { id: childId(record, open.entry.reference, 0), kind: action.kind };
    return { ...open, entry: { ...open.entry, children: [child] } };
  };
  const open = next.open.map(named);
  const entries = new Map(open.map(({ entry }) => [entry.reference, entry]));
  return { ...next, open, journal: next.journal.map((entry) => entries.get(entry.reference) ?? entry) };
}

export const childId = (
  { id, attempt }: Pick<ActionRecord, "id" | "attempt">,
  reference: string,
  index: number,
): string => actionIdOfChild(id, `${String(attempt)}.${reference}`, index);

export function createPass(context: KindContext): PlanPass {
  const { record } = context;
  const tree = planOf(record);
  const values: TemplateValues = valuesOf(record);
  const unanswered: ReceivedNote[] = [];
  let {
    journal,
    signals = [],
  }: { journal: readonly JournalEntry[]; signals?: readonly Signal[] | undefined } = record;
  let isDirty = false;
  const look = (): Advance => openNext({ tree, values }, record, journal, context.now(), context.cut);
  const keep = (received: ReceivedNote): void => {
    const kept = keepNote({ journal: [...journal], signals: [...signals] }, received.note, context.now());
    if (typeof kept === "string") {
      received.answer(kept === "full" ? "full" : "noted");
      return;
    }
    journal = kept.journal ?? journal;
    signals = kept.signals ?? signals;
    isDirty = true;
    unanswered.push(received);
  };
  const pass: PlanPass = {
    get journal() {
      return journal;
    },
    get signals() {
      return signals;
    },
    get left() {
      return { journal, ...(signals.length === 0 && record.signals === undefined ? {} : { signals }) };
    },
    look,
    open(next) {
      if (next.journal.length === journal.length) return;
      journal = next.journal;
      isDirty = true;
    },
    replace(entry) {
      journal = journal.map((one) => (one.reference === entry.reference ? entry : one));
      isDirty = true;
    },
    takeSignal(left) {
      signals = left;
      isDirty = true;
    },
    takeNotes() {
      for (const received of context.inbox?.take() ?? []) keep(received);
    },
    get isDirty() {
      return isDirty;
    },
    async write() {
      await context.progress(pass.left);
      isDirty = false;
      for (const { answer } of unanswered.splice(0)) answer("noted");
    },
  };
  return pass;
}

/** Of the steps that are open those that were so before: what is only now to be opened is none of them. */
export function begunOf(pass: PlanPass, { open }: Advance): OpenStep[] {
  const begun = new Set(pass.journal.map(({ reference }) => reference));
  return open.filter(({ entry }) => begun.has(entry.reference));
}

/** How an action ends whose plan has. */
export const answerOf = (
  pass: PlanPass,
  end: PlanEnd,
): PlanPass["left"] &
  ({ readonly state: "SUCCESS" } | { readonly state: "ERROR"; readonly error: ActionError }) =>
  end.outcome === "SUCCESS"
    ? { state: "SUCCESS", ...pass.left }
    : { state: "ERROR", ...pass.left, error: end.error };

/** When something that is open is to be looked at, or cut; undefined where nothing but a note can change anything. */
export const nextInstant = (open: readonly OpenStep[]): Instant | undefined =>
  earliest(
    ...open.flatMap(({ entry, deadline }) => [
      entry.waitUntil,
      deadline === undefined ? undefined : toInstant(deadline.at),
    ]),
  );
