import { earliest, serializeError } from "@jetmesh/lifecycle";
import type { Instant, WorkflowStep } from "@jetmesh/protocol";
import type { KindContext, ReceivedNote } from "@jetmesh/runner";
import type { StepCode, Steps } from "./steps.ts";

type Json = NonNullable<WorkflowStep["end"]>["result"];

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
const AT_ONCE = 64;

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

  const write = async (): Promise<void> => {
    await given.progress({ steps: steps.all, signals: steps.signals });
    steps.wrote();
    for (const { answer } of unanswered.splice(0)) answer("noted");
  };
  const takeWhatCame = (): boolean => {
    const now = given.now();
    let hasCome = calls.takeEnded(now);
    for (const received of given.inbox?.take() ?? []) {
      if (!steps.keep(received, now)) continue;
      unanswered.push(received);
      hasCome = true;
    }
    return steps.endWaits(now) || hasCome;
  };

  for (let lingerUntil = Number.POSITIVE_INFINITY; ; ) {
    await drained();
    if (given.signal.aborted) throw new Error("the workflow was interrupted");
    const changed = steps.changed();
    if (changed !== undefined) return { is: "threw", thrown: changed };
    if (end !== undefined) {
      steps.expectAllBegun();
      if (steps.changed() !== undefined) continue;
      steps.dropNew();
      if (steps.pending.some(([, step]) => step.detached !== undefined && step.made === undefined)) {
        await write();
        await doWhatBegan(given, steps, calls);
      }
      return end;
    }
    if (steps.deliver() || steps.changed() !== undefined) continue;
    steps.expectAllBegun();
    if (steps.changed() !== undefined || takeWhatCame()) continue;
    if (hasWork(steps, calls)) {
      await write();
      await doWhatBegan(given, steps, calls);
      lingerUntil = Number.POSITIVE_INFINITY;
      continue;
    }
    if (steps.pending.length === 0)
      throw new Error("the workflow waits for something that is none of its steps");
    if (calls.isRunning) {
      if (steps.isDirty) await write();
    } else {
      if (given.isPauseAsked) return { is: "pausing" };
      lingerUntil = Math.min(lingerUntil, performance.now() + LINGER_MS);
      if (!given.hasRoom || performance.now() >= lingerUntil)
        return { is: "waiting", watchAt: nextInstant(steps) ?? null };
    }
    await Promise.race([
      given.inbox?.arrival() ?? NEVER,
      calls.isRunning ? calls.anyEnded() : NEVER,
      pastInstant(given, steps, calls.isRunning ? undefined : lingerUntil - performance.now()),
      aborted,
    ]);
  }
}

const NEVER = new Promise<never>(() => undefined);

/** The code has gone as far as it can: promises run out before the next turn of the event loop. */
const drained = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const nextInstant = (steps: Steps): Instant | undefined =>
  earliest(...steps.pending.map(([, step]) => step.until));

/** Until the next instant that something waits for, or the given time has passed. */
function pastInstant(given: KindContext, steps: Steps, mostMs: number | undefined): Promise<void> {
  const next = nextInstant(steps);
  const untilNext = next === undefined ? undefined : Math.max(0, Date.parse(next) - given.now());
  const ms = Math.min(untilNext ?? Number.POSITIVE_INFINITY, mostMs ?? Number.POSITIVE_INFINITY);
  if (ms === Number.POSITIVE_INFINITY) return NEVER;
  return new Promise((resolve) => setTimeout(resolve, Math.min(ms, 2 ** 31 - 1)));
}

function hasWork(steps: Steps, calls: Calls): boolean {
  return steps.pending.some(([index, step, code]) => {
    switch (step.what) {
      case "action":
        return step.cancel === "asked" || (step.made === undefined && step.cancel === undefined);
      case "call":
        return !calls.has(index);
      case "signal":
        return code.send !== undefined;
      case "sleep":
      case "wait":
        return false;
    }
  });
}

/** Does what is written as begun. Each of it may have been done before, and nothing is the worse for it. */
async function doWhatBegan(given: KindContext, steps: Steps, calls: Calls): Promise<void> {
  const began = steps.pending.values();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const [index, step, code] of began) {
        if (step.what === "call") calls.run(index, code);
        else if (step.what === "signal") await send(given, steps, index);
        else if (step.what === "action") await makeOrCancel(given, steps, index, code);
      }
    }),
  );
}

async function makeOrCancel(given: KindContext, steps: Steps, index: number, code: StepCode): Promise<void> {
  const step = steps.all[index];
  if (step?.child === undefined || step.of === undefined) return;
  const { child: id, of: kind } = step;
  if (step.cancel === "asked") {
    await given.workshop.cancel({ id, kind });
    steps.change(index, { cancel: "done" });
  } else if (step.made === undefined && step.cancel === undefined) {
    const request = { argument: {}, delays: {}, ...code.make, kind };
    const refused = await given.workshop.make({ id, request });
    if (refused === undefined) steps.change(index, { made: true });
    else steps.end(index, { outcome: "ERROR", error: refused }, given.now());
  }
}

async function send(given: KindContext, steps: Steps, index: number): Promise<void> {
  const step = steps.all[index];
  const { send: what } = steps.pending.find(([at]) => at === index)?.[2] ?? {};
  if (step === undefined || what === undefined) return;
  const { record } = given;
  const id = `${record.id}.${String(record.attempt)}.${step.ref}.${String(step.n)}`;
  const payload = what.payload === undefined ? {} : { payload: what.payload as Json };
  const refused = await given.workshop.signal(what.to, { id, name: step.of ?? step.ref, ...payload });
  const ended =
    refused === undefined ? { outcome: "SUCCESS" as const } : { outcome: "ERROR" as const, error: refused };
  steps.end(index, ended, given.now());
}

/** The functions of a workflow's own that run now. */
interface Calls {
  readonly isRunning: boolean;
  has(index: number): boolean;
  run(index: number, code: StepCode): void;
  anyEnded(): Promise<void>;
  takeEnded(now: number): boolean;
}

function createCalls(steps: Steps): Calls {
  const running = new Map<number, Promise<void>>();
  const ended = new Map<number, Parameters<Steps["end"]>[1]>();
  const call = async (index: number, code: StepCode): Promise<void> => {
    try {
      const value: unknown = await code.call?.();
      // As whoever reads the record gets it, the first time as any other.
      const text = value === undefined ? undefined : JSON.stringify(value);
      const result = text === undefined ? {} : { result: JSON.parse(text) as Json };
      ended.set(index, { outcome: "SUCCESS", ...result });
    } catch (thrown) {
      const code = codeOf(thrown) ?? "step_threw";
      ended.set(index, { outcome: "ERROR", error: serializeError(thrown, code) });
    }
  };
  return {
    get isRunning() {
      return running.size > 0;
    },
    has: (index) => running.has(index) || ended.has(index),
    run(index, code) {
      if (running.has(index) || ended.has(index)) return;
      if (steps.isRecorded(index) && code.idempotent !== true) {
        const message = "its runner was lost in it, and it is not marked idempotent";
        ended.set(index, { outcome: "ERROR", error: { code: "step_interrupted", message } });
        return;
      }
      running.set(
        index,
        call(index, code).finally(() => running.delete(index)),
      );
    },
    anyEnded: () => Promise.race(running.values()),
    takeEnded(now) {
      for (const [index, end] of ended) steps.end(index, end, now);
      const hasEnded = ended.size > 0;
      ended.clear();
      return hasEnded;
    },
  };
}

const codeOf = (thrown: unknown): string | undefined =>
  thrown instanceof Error && "code" in thrown && typeof thrown.code === "string" ? thrown.code : undefined;
