import { type Leavings, PLAN_KIND, toInstant, toMs, type WatcherAnswer } from "@jetmesh/lifecycle";
import type { ActionRecord, JournalEntry, PlanDefinition, Step } from "@jetmesh/protocol";
import { stepReference, verbOf } from "@jetmesh/protocol";
import type { ActionKind, KindAnswer, KindContext } from "@jetmesh/runner";
import { variableEnvironment } from "./steps/environment.ts";
import { runStep, type StepContext, type StepResult } from "./steps/run-step.ts";

/**
 * Flight plans as actions (design §2). The journal holds one entry per step begun; the step after the last one
 * ended is the next. One write ends step k and opens step k + 1: the claim opens the first, the outcome ends the
 * last, so a plan of one step has no writes of its own. A step that waits holds no runner: main returns
 * IN_PROGRESS, the watcher says SLEEPING when the wait is over, and the next attempt goes on behind the journal.
 *
 *   F1  a step that has ended is never run again
 *   F2  a step that was open when its runner died is run again only if it is idempotent, and not for ever: one that
 *       takes its runner with it each time would go through all runners there are
 */
export function createFlightPlan(graceMs: number): ActionKind {
  return {
    name: PLAN_KIND,
    opening: (record, now) => openNext(planOf(record), record.journal, now),
    main: (context) => runPlan(context, graceMs),
    watcher: (context) => Promise.resolve(watchPlan(context)),
    rollback: (context) => undoPlan(context, graceMs),
  };
}

type Journal = readonly JournalEntry[];

/** An idempotent step whose runner was lost in it more often than this ends as one that is not. */
const MOST_INTERRUPTIONS = 5;

function planOf(record: ActionRecord): PlanDefinition {
  const { plan } = record.definition;
  if (plan === undefined) throw new Error("the action has no plan");
  return plan;
}

/** The open step is the last entry without an end; a finished one is followed by the next. */
function openNext(plan: PlanDefinition, journal: Journal, now: number): Leavings {
  const last = journal.at(-1);
  const index = last === undefined ? 0 : last.step + 1;
  const step = plan.steps[index];
  if (step === undefined || (last !== undefined && last.endedAt === undefined)) return {};
  const waitUntil = step.wait === undefined ? {} : { waitUntil: toInstant(now + step.wait) };
  const entry: JournalEntry = {
    step: index,
    reference: stepReference(step, index),
    startedAt: toInstant(now),
    ...waitUntil,
  };
  return { journal: [...journal, entry] };
}

async function runPlan(context: KindContext, graceMs: number): Promise<KindAnswer> {
  const plan = planOf(context.record);
  let { journal }: { journal: Journal } = context.record;
  for (;;) {
    const open = journal.at(-1);
    const step = open === undefined ? undefined : plan.steps[open.step];
    if (open === undefined || step === undefined || open.endedAt !== undefined)
      return { state: "SUCCESS", journal };
    if (isOutOfTime(plan, journal, context.now()))
      return { state: "ERROR", journal, error: planTimeout(plan) };
    let ended: JournalEntry;
    if (verbOf(step) === "wait") {
      if (toMs(open.waitUntil ?? open.startedAt) > context.now())
        return { state: "IN_PROGRESS", journal, watchAt: wakeAt(plan, journal, open) };
      ended = endEntry(open, { outcome: "SUCCESS", tries: 1 }, context.now());
    } else {
      const result = await runOneStep(context, plan, step, open, journal, graceMs);
      ended = endEntry(open, result, context.now());
    }
    journal = [...journal.slice(0, -1), ended];
    if (ended.error !== undefined) {
      const { code, message } = ended.error;
      return { state: "ERROR", journal, error: { code, message: `step '${ended.reference}': ${message}` } };
    }
    const next = openNext(plan, journal, context.now()).journal;
    if (next === undefined) return { state: "SUCCESS", journal };
    // Nothing is open then: resumed, the watcher has the next step begun.
    if (context.isPauseAsked) return { state: "PAUSED", journal };
    journal = next;
    const following = plan.steps[journal.length - 1];
    // A step that waits is opened by the very write that says so.
    if (following?.wait === undefined || following.wait === 0) await context.progress({ journal });
  }
}

async function runOneStep(
  context: KindContext,
  plan: PlanDefinition,
  step: Step,
  open: JournalEntry,
  journal: Journal,
  graceMs: number,
): Promise<StepResult> {
  const deadline = planDeadline(plan, journal);
  const limit = new AbortController();
  const timer =
    deadline === undefined
      ? undefined
      : setTimeout(
          () => limit.abort({ code: "step_timeout", message: planTimeout(plan).message }),
          Math.min(2 ** 31 - 1, Math.max(0, deadline - context.now())),
        );
  try {
    const signal = AbortSignal.any([context.signal, limit.signal]);
    return await runStep(step, stepContext(context, open, signal, graceMs));
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Undoes what has succeeded, the last one first; each is tried, also when another fails, and what is undone is in the
 * journal, so that it is left alone when this is asked for again.
 */
async function undoPlan(context: KindContext, graceMs: number): Promise<void> {
  const plan = planOf(context.record);
  let { journal }: { journal: Journal } = context.record;
  const problems: string[] = [];
  for (const entry of journal.toReversed()) {
    const undo = plan.steps[entry.step]?.undo;
    if (undo === undefined || entry.outcome !== "SUCCESS" || entry.undoneAt !== undefined) continue;
    const result = await runStep(
      { ...undo, idempotent: true },
      stepContext(context, entry, context.signal, graceMs),
    );
    if (context.signal.aborted) throw new Error("interrupted");
    if (result.outcome === "ERROR") {
      problems.push(`undo of step '${entry.reference}': ${result.error.message}`);
      continue;
    }
    const undone = { ...entry, undoneAt: toInstant(context.now()) };
    journal = journal.map((one) => (one === entry ? undone : one));
    await context.progress({ journal });
  }
  if (problems.length > 0) throw new Error(problems.join("; "));
}

/** Asked about the open step alone: of a wait, or of a main whose runner is gone. */
function watchPlan(context: KindContext): WatcherAnswer {
  const { record } = context;
  const plan = planOf(record);
  const now = context.now();
  const open = record.journal.at(-1);
  const step = open === undefined ? undefined : plan.steps[open.step];
  if (open === undefined || step === undefined || open.endedAt !== undefined) return { state: "SLEEPING" };
  if (step.wait !== undefined) {
    if (isOutOfTime(plan, record.journal, now)) return { state: "ERROR", error: planTimeout(plan) };
    const until = toMs(open.waitUntil ?? open.startedAt);
    if (until > now) return { state: "IN_PROGRESS", watchAt: wakeAt(plan, record.journal, open) };
    return {
      state: "SLEEPING",
      journal: [...record.journal.slice(0, -1), endEntry(open, { outcome: "SUCCESS", tries: 1 }, now)],
    };
  }
  const interruptions = (open.interruptions ?? 0) + 1;
  const before = record.journal.slice(0, -1);
  // F2: begun again from its start, by the next claim.
  if (step.idempotent && interruptions <= MOST_INTERRUPTIONS)
    return { state: "SLEEPING", journal: [...before, { ...open, interruptions }] };
  const why = step.idempotent ? `${String(interruptions)} times` : "and is not marked idempotent";
  const error = {
    code: "step_interrupted",
    message: `step '${open.reference}' was running when its runner was lost, ${why}`,
  };
  return { state: "ERROR", journal: [...before, { ...open, interruptions, error }], error };
}

const stepContext = (
  context: KindContext,
  entry: JournalEntry,
  signal: AbortSignal,
  graceMs: number,
): StepContext => ({
  values: valuesOf(context.record),
  environment: environmentOf(context, entry),
  signal,
  output: (stream, chunk) => context.output.write(entry.reference, stream, chunk),
  random: Math.random,
  graceMs,
});

function endEntry(open: JournalEntry, result: StepResult, now: number): JournalEntry {
  const { outcome, tries, exitCode, status } = result;
  return {
    ...open,
    endedAt: toInstant(now),
    outcome,
    tries,
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(status === undefined ? {} : { status }),
    ...(result.outcome === "ERROR" ? { error: result.error } : {}),
  };
}

/** A plan's time counts from its first step on, waits included. */
function planDeadline(plan: PlanDefinition, journal: Journal): number | undefined {
  const first = journal[0];
  return plan.timeout === 0 || first === undefined ? undefined : toMs(first.startedAt) + plan.timeout;
}
const isOutOfTime = (plan: PlanDefinition, journal: Journal, now: number): boolean =>
  (planDeadline(plan, journal) ?? Infinity) <= now;
const planTimeout = (plan: PlanDefinition): { code: string; message: string } => ({
  code: "step_timeout",
  message: `the plan did not end within ${String(plan.timeout)} ms`,
});
const wakeAt = (plan: PlanDefinition, journal: Journal, open: JournalEntry): string =>
  toInstant(Math.min(toMs(open.waitUntil ?? open.startedAt), planDeadline(plan, journal) ?? Infinity));

function valuesOf({ definition, jet, template, id, argument }: ActionRecord): Record<string, unknown> {
  const { jetAction } = definition;
  return {
    ...definition.variables,
    outputs: {},
    jet: { reference: jet ?? "", name: jet ?? "", state: jetAction?.transit ?? "" },
    template: { reference: template ?? "", name: template ?? "" },
    action: { reference: jetAction?.reference ?? "", name: jetAction?.name ?? "", id },
    argument,
  };
}

function environmentOf({ record, fence }: KindContext, open: JournalEntry): Record<string, string> {
  return {
    JM_JET: record.jet ?? "",
    JM_TEMPLATE: record.template ?? "",
    JM_JET_ACTION: record.definition.jetAction?.reference ?? "",
    JM_ACTION_ID: record.id,
    JM_ATTEMPT: String(record.attempt),
    JM_FENCE: String(fence),
    JM_STEP: open.reference,
    JM_USER: record.user,
    ...variableEnvironment(record.definition.variables ?? {}),
  };
}
