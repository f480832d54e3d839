import { type Deadline, isWaiting, type OpenStep } from "@jetmesh/flight-plan";
import { hasLast, msUntil, toMs } from "@jetmesh/lifecycle";
import type { ActionError, JournalEntry } from "@jetmesh/protocol";
import { firstOf, type KindAnswer, type KindContext } from "@jetmesh/runner";
import { stepContext } from "./plan-facts.ts";
import { answerOf, begunOf, createPass, nextInstant, type PlanPass } from "./plan-pass.ts";
import { endEntry } from "./steps/ended-step.ts";
import { runStep, type StepResult } from "./steps/run-step.ts";
import { tendWaiting } from "./waiting-steps.ts";

/**
 * What is quick ends while the plan is still in hand, which saves giving it back and taking it again. Given up where the
 * runner has much to do: what is waited for may need its place.
 */
const LINGER_MS = 50;

interface Ended {
  readonly entry: JournalEntry;
  readonly result: StepResult;
}

interface Running {
  readonly ended: Promise<Ended>;
  /** Has it end, with that. */
  cut(error: ActionError): void;
}

/**
 * Runs a plan until it ends, or until nothing but others or time can move it on. One write ends what has ended and opens what
 * follows; where the plan ends, or waits, that is the write of its outcome.
 */
export async function runPlan(context: KindContext, graceMs: number): Promise<KindAnswer> {
  const pass = createPass(context);
  const running = new Map<string, Running>();
  let aborted: Promise<undefined> | undefined;
  let cut: Promise<undefined> | undefined;
  for (let lingerUntil = NEVER; ; ) {
    if (context.signal.aborted) return cutShort(context, pass, running);
    pass.takeNotes();
    const wasCut = context.cut !== undefined;
    let next = pass.look();
    if (next.open.some(({ node }) => isWaiting(node))) {
      const begun = begunOf(pass, next).filter(({ node }) => isWaiting(node));
      if (begun.length > 0) await tendWaiting(context, pass, begun, graceMs);
      next = pass.look();
    }
    if (context.isPauseAsked && running.size === 0 && isBetweenSteps(pass))
      return { state: "PAUSED", ...pass.left };
    pass.open(next);
    const { open, end } = next;
    if (end !== undefined) return answerOf(pass, end);
    const begins = open.filter(({ node, entry }) => !isWaiting(node) && !running.has(entry.reference));
    const waits = open.filter(({ node }) => isWaiting(node));
    const isWaitingOnly = begins.length === 0 && running.size === 0;
    if (pass.isDirty && (!isWaitingOnly || waits.some(hasToBegin))) await pass.write();
    // Cut while that was written: what was just opened is not begun.
    if (context.cut !== undefined && !wasCut) continue;
    for (const one of begins) running.set(one.entry.reference, begin(context, one, graceMs));
    for (const { entry, deadline } of open)
      if (isOver(deadline, context.now())) running.get(entry.reference)?.cut(deadline.error);
    // What was just opened may be over at once.
    if (waits.some((one) => isDue(one, context.now()))) continue;
    if (isWaitingOnly) {
      lingerUntil = Math.min(lingerUntil, performance.now() + LINGER_MS);
      const mayLinger = context.hasRoom && waits.some(({ entry }) => (entry.children?.length ?? 0) > 0);
      if (!mayLinger || performance.now() >= lingerUntil)
        return { state: "IN_PROGRESS", ...pass.left, watchAt: nextInstant(waits) ?? null };
    } else lingerUntil = NEVER;
    aborted ??= fired(context.signal);
    // Once it is cut nothing more is to be heard of that.
    if (context.cut === undefined && hasLast(context.record)) cut ??= fired(context.cutSignal);
    else cut = undefined;
    const first = await firstOf<Ended | undefined>(
      [
        ...[...running.values()].map(({ ended }) => ended),
        context.inbox?.arrival().then(() => undefined),
        aborted,
        cut,
      ],
      Math.min(
        msUntil(nextInstant(waits), context.now()),
        isWaitingOnly ? lingerUntil - performance.now() : NEVER,
      ),
    );
    if (first === undefined) continue;
    running.delete(first.entry.reference);
    pass.replace(endEntry(first.entry, first.result, context.now()));
  }
}

const fired = (signal: AbortSignal): Promise<undefined> =>
  new Promise((resolve) => signal.addEventListener("abort", () => resolve(undefined), { once: true }));

const isBetweenSteps = (pass: PlanPass): boolean =>
  pass.journal.every(({ endedAt }) => endedAt !== undefined);

/** An action or a jet that nobody has begun yet. */
const hasToBegin = ({ node: { step }, entry: { children } }: OpenStep): boolean =>
  (step.action !== undefined || step.jet !== undefined) &&
  (children === undefined || children.some(({ made }) => made === undefined));

const isOver = (deadline: Deadline | undefined, now: number): deadline is Deadline =>
  deadline !== undefined && deadline.at <= now;

const isDue = (open: OpenStep, now: number): boolean => {
  const { deadline, entry } = open;
  return (
    isOver(deadline, now) ||
    (entry.waitUntil !== undefined && toMs(entry.waitUntil) <= now) ||
    hasToBegin(open)
  );
};

function begin(context: KindContext, open: OpenStep, graceMs: number): Running {
  const { node, entry, values, deadline } = open;
  const limit = new AbortController();
  if (isOver(deadline, context.now())) limit.abort(deadline.error);
  const timer =
    deadline === undefined
      ? undefined
      : setTimeout(
          () => limit.abort(deadline.error),
          Math.min(2 ** 31 - 1, Math.max(0, deadline.at - context.now())),
        );
  const signal = AbortSignal.any([context.signal, limit.signal]);
  const ended = runStep(node.step, stepContext(context, entry, values, signal, graceMs))
    .then((result) => ({ entry, result }))
    .finally(() => clearTimeout(timer));
  return { ended, cut: (error) => limit.abort(error) };
}

/** The processes of all steps end before anything is written about them. */
async function cutShort(
  context: KindContext,
  pass: PlanPass,
  running: ReadonlyMap<string, Running>,
): Promise<KindAnswer> {
  let error = { code: "canceled", message: "canceled" };
  for (const { entry, result } of await Promise.all([...running.values()].map(({ ended }) => ended))) {
    pass.replace(endEntry(entry, result, context.now()));
    if (result.outcome === "ERROR")
      error = { code: result.error.code, message: `step '${entry.reference}': ${result.error.message}` };
  }
  return { state: "ERROR", ...pass.left, error };
}

const NEVER = Number.POSITIVE_INFINITY;
