import { earliest, msUntil } from "@jetmesh/lifecycle";
import type { Instant } from "@jetmesh/protocol";
import { firstOf, type KindContext, type ReceivedNote } from "@jetmesh/runner";
import { createCalls } from "./calls.ts";
import { doWhatBegan, hasWork } from "./do-what-began.ts";
import { BrokenWorkflowError } from "./step-error.ts";
import type { Steps } from "./steps.ts";

/** How a pass through a workflow's code came to its end. */
export type PassEnd =
  | { readonly is: "returned"; readonly value: unknown }
  | { readonly is: "threw"; readonly thrown: unknown }
  /** Nothing goes on before something ends elsewhere, or this instant. */
  | { readonly is: "waiting"; readonly watchAt: Instant | null }
  | { readonly is: "pausing" };

/**
 * What is quick ends while the runner still has the code in its hands, which saves giving the action back and taking it
 * again: three writes become one. Given up where the runner has much to do, for what is waited for may need its place.
 */
const LINGER_MS = 50;

/**
 * One pass: the code is led along what is recorded, then goes on until it ends or waits for what ends elsewhere. What it
 * begins is written before it is done; one write holds what has ended and what begins (design §2, Flight plans).
 */
export async function runPass(
  given: KindContext,
  steps: Steps,
  run: () => Promise<unknown>,
): Promise<PassEnd> {
  const unanswered: ReceivedNote[] = [];
  const calls = createCalls(steps);
  const aborted = new Promise<void>((resolve) => given.signal.addEventListener("abort", () => resolve()));
  let end: PassEnd | undefined;
  run().then(
    (value) => (end = { is: "returned", value }),
    (thrown: unknown) => (end = { is: "threw", thrown }),
  );

  /** What is over leaves the record, once it lies elsewhere. */
  const shelve = async (): Promise<void> => {
    const cut = steps.cut();
    if (cut !== undefined && (await given.shelf.keep(cut.chunks))) steps.drop(cut);
  };
  const write = async (): Promise<void> => {
    await shelve();
    await given.progress(steps.left());
    steps.wrote();
    for (const { answer } of unanswered.splice(0)) answer("noted");
  };
  const takeNotes = (now: number): boolean => {
    const kept = (given.inbox?.take() ?? []).filter((received) => steps.keep(received, now));
    unanswered.push(...kept);
    return kept.length > 0;
  };
  const takeWhatCame = (): boolean => {
    const now = given.now();
    const hasEnded = calls.takeEnded(now);
    const hasCome = takeNotes(now);
    return steps.endWaits(now) || hasEnded || hasCome;
  };
  /** Whom it tells something may be telling it something, and waits for that: each has its answer meanwhile. */
  const doAndAnswer = async (): Promise<void> => {
    const done = doWhatBegan(given, steps, calls).then(() => "done" as const);
    for (;;) {
      const first = await firstOf<"done" | undefined>([done, given.inbox?.arrival().then(() => undefined)]);
      if (first === "done") return;
      if (takeNotes(given.now())) await write();
    }
  };

  for (let lingerUntil = NEVER; ; ) {
    await drained();
    if (given.signal.aborted) throw new Error("the workflow was interrupted");
    const broken = steps.broken();
    if (broken !== undefined) return { is: "threw", thrown: broken };
    if (end !== undefined) {
      steps.expectAllBegun();
      if (steps.broken() !== undefined) continue;
      steps.dropNew();
      if (steps.pending.some(([, step]) => step.detached !== undefined && step.made === undefined)) {
        await write();
        await doAndAnswer();
      }
      return end;
    }
    if (steps.deliver() || steps.broken() !== undefined) continue;
    steps.expectAllBegun();
    if (steps.broken() !== undefined || takeWhatCame()) continue;
    if (hasWork(steps, calls)) {
      await write();
      await doAndAnswer();
      lingerUntil = NEVER;
      continue;
    }
    if (steps.pending.length === 0) {
      const message = "the workflow waits for something that is none of its steps";
      const thrown = new BrokenWorkflowError("non_deterministic", message);
      return { is: "threw", thrown };
    }
    if (calls.isRunning) {
      if (steps.isDirty) await write();
    } else {
      lingerUntil = Math.min(lingerUntil, performance.now() + LINGER_MS);
      const { isPauseAsked } = given;
      if (isPauseAsked || !given.hasRoom || performance.now() >= lingerUntil) {
        await shelve();
        return isPauseAsked ? { is: "pausing" } : { is: "waiting", watchAt: nextInstant(steps) ?? null };
      }
    }
    await firstOf<unknown>(
      [given.inbox?.arrival(), calls.isRunning ? calls.anyEnded() : undefined, aborted],
      Math.min(
        msUntil(nextInstant(steps), given.now()),
        calls.isRunning ? NEVER : lingerUntil - performance.now(),
      ),
    );
  }
}

const NEVER = Number.POSITIVE_INFINITY;

/** The code has gone as far as it can: promises run out before the next turn of the event loop. */
const drained = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const nextInstant = (steps: Steps): Instant | undefined =>
  earliest(...steps.pending.map(([, step]) => step.until));
