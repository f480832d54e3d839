import {
  type ActionEffect,
  type ActionEvent,
  deadlineExceeded,
  hasLast,
  hasPassed,
  isCut,
  type Leavings,
  toMs,
} from "@jetmesh/lifecycle";
import { callMethod } from "./call-method.ts";
import type { RunnerDeps } from "./deps.ts";
import type { Canceled, HeldAction } from "./held-action.ts";
import { newNonce } from "./held-action.ts";
import {
  type AbortReason,
  type ActionKind,
  ClaimLostError,
  type KindContext,
  type SecretReader,
  type Shelf,
  type Workshop,
} from "./kinds.ts";
import { reportStraggler } from "./let-go.ts";
import { createOutput } from "./output.ts";
import { createSecretReader } from "./secret-reader.ts";
import { createShelf } from "./shelf.ts";
import { createWorkshop } from "./workshop.ts";

type Run = ActionEffect & { readonly type: "run" };

/** A watcher that takes longer than this counts as one that threw. */
const WATCHER_LIMIT_MS = 120_000;
/** A method whose signal has fired is given this long to end; code that does not is left to itself. */
const END_MS = 8_000;

/** Calls one method of a kind and gives the event that came of it; undefined where the claim was lost and it has none. */
export async function runMethod(
  deps: RunnerDeps,
  held: HeldAction,
  kind: ActionKind,
  run: Run,
): Promise<ActionEvent | undefined> {
  const before = held.canceled;
  if (before !== undefined) return canceledEvent(before);
  const { nonce } = held.claim;
  const signal = held.signal();
  const output = createOutput(deps, held.record.id);
  let cutting: AbortController | undefined;
  let workshop: Workshop | undefined;
  let shelf: Shelf | undefined;
  let secrets: SecretReader | undefined;
  const context: KindContext = {
    record: held.record,
    signal,
    fence: held.fence,
    output,
    inbox: held.inbox,
    // Few methods ask for these, and each is as many functions as it can do.
    get workshop() {
      return (workshop ??= createWorkshop(deps, held));
    },
    get shelf() {
      return (shelf ??= createShelf(deps, held));
    },
    get secrets() {
      return (secrets ??= createSecretReader(deps, held.record));
    },
    get cut() {
      return held.record.cut;
    },
    get cutSignal() {
      cutting ??= new AbortController();
      if (held.record.cut !== undefined) cutting.abort();
      return cutting.signal;
    },
    get isPauseAsked() {
      return held.isPauseAsked;
    },
    get hasRoom() {
      return deps.held.size * 2 <= deps.config.JM_CONCURRENCY;
    },
    now: () => deps.clock.now(),
    progress: async (left) => mustHold(await held.apply({ type: "progressed", nonce, left })),
    heartbeat: async () => mustHold(await held.apply({ type: "heartbeat", nonce })),
  };
  const limit = watchTime(deps, held, run, kind.isPatient === true);
  held.onCut = () => {
    cutting?.abort();
    limit.look();
  };
  const method = callMethod(kind, run.method, context, nonce).finally(() => output.flush());
  try {
    const first = await Promise.race([method, limit.passed, held.cancelAsked]);
    // The processes of a step end before anything is written about them.
    const event =
      typeof first === "object" && "type" in first
        ? first
        : ((await Promise.race([method.catch(() => undefined), wait(END_MS)])) ?? undefined);
    if (event === undefined) reportStraggler(deps, held, method);
    // Its result is refused where it is written, and said to be late.
    if (held.isLost) return event;
    if (held.canceled !== undefined) return endedBefore(event) ?? canceledEvent(held.canceled, event);
    if (first !== "time_is_up") return event;
    if (endedBefore(event) !== undefined) reportStraggler(deps, held, method);
    return eventOfLimit(deps, held, run, limit.why(), event);
  } catch (thrown) {
    if (thrown instanceof ClaimLostError) return undefined;
    throw thrown;
  } finally {
    held.onCut = undefined;
    limit.stop();
  }
}

/** A success that came before the cancel did anything stands. */
const endedBefore = (event: ActionEvent | undefined): ActionEvent | undefined =>
  event !== undefined && "answer" in event && event.answer.state === "SUCCESS" ? event : undefined;

const canceledEvent = ({ message }: Canceled, event?: ActionEvent): ActionEvent => ({
  ...{ type: "cancel", why: "canceled", message },
  left: leftOf(event),
});

/** What the method left is kept: how far a plan had come. */
function leftOf(event: ActionEvent | undefined): Leavings {
  const { bag, journal } = event !== undefined && "answer" in event ? event.answer : {};
  return { ...(bag === undefined ? {} : { bag }), ...(journal === undefined ? {} : { journal }) };
}

function mustHold(outcome: Awaited<ReturnType<HeldAction["apply"]>>): void {
  if (outcome === "lost" || outcome.kind === "late") throw new ClaimLostError("the claim was taken over");
}

type Limit = "delay" | "deadline" | "watcher";

interface TimeWatch {
  readonly passed: Promise<"time_is_up">;
  why(): Limit;
  /** The limits of the record are others now. */
  look(): void;
  stop(): void;
}

/** Fires the signal when the state's delay, the deadline or the watcher's limit has passed; heartbeats move it. */
function watchTime(deps: RunnerDeps, held: HeldAction, run: Run, isPatient: boolean): TimeWatch {
  let timer: NodeJS.Timeout | undefined;
  let why: Limit = "delay";
  let isOver = false;
  let look: () => void = () => undefined;
  const began = deps.clock.now();
  const passed = new Promise<"time_is_up">((resolve) => {
    const arm = (): void => {
      clearTimeout(timer);
      if (isOver) return;
      const { expiresAt, deadlineAt } = held.record.timers;
      const limits: [Limit, number | undefined][] = [
        ["delay", run.method === "watcher" || expiresAt === undefined ? undefined : toMs(expiresAt)],
        ["deadline", deadlineAt === undefined ? undefined : toMs(deadlineAt)],
        ["watcher", run.method === "watcher" && !isPatient ? began + WATCHER_LIMIT_MS : undefined],
      ];
      const first = limits
        .filter((one): one is [Limit, number] => one[1] !== undefined)
        .sort((a, b) => a[1] - b[1])[0];
      if (first === undefined) return;
      const left = first[1] - deps.clock.now();
      if (left > 0) {
        // Node's timers end at 2^31 ms; and a heartbeat may have moved the end meanwhile.
        timer = setTimeout(arm, Math.min(left, 2 ** 31 - 1));
        return;
      }
      [why] = first;
      const end = (): void => {
        held.abort(REASONS[why]);
        resolve("time_is_up");
      };
      // What always runs has a deadline of its own, which is another once it is cut.
      if (why === "deadline" && hasLast(held.record) && !isCut(held.record))
        held.cut("deadline_exceeded", deadlineExceeded(held.record).message).then((isOpen) => {
          if (!isOpen) end();
        }, end);
      else end();
    };
    look = arm;
    arm();
  });
  const stop = (): void => {
    isOver = true;
    clearTimeout(timer);
  };
  return { passed, why: () => why, look, stop };
}

const REASONS: Readonly<Record<Limit, AbortReason>> = {
  delay: { code: "main_timeout", message: "the delay of the state has passed" },
  deadline: { code: "deadline_exceeded", message: "the overall deadline has passed" },
  watcher: { code: "watcher_failed", message: "the watcher took too long" },
};

/** What follows when time is up: the deadline ends it; a main out of time has its watcher asked, under a new claim. */
function eventOfLimit(
  deps: RunnerDeps,
  held: HeldAction,
  run: Run,
  why: Limit,
  event: ActionEvent | undefined,
): ActionEvent {
  const { record } = held;
  const { nonce } = held.claim;
  if (why === "deadline" && hasPassed(record.timers.deadlineAt, deps.clock.now())) {
    return {
      type: "cancel",
      why: "deadline_exceeded",
      message: deadlineExceeded(record).message,
      left: leftOf(event),
    };
  }
  if (run.method === "watcher") {
    return {
      type: "watcher_returned",
      nonce,
      answer: { state: "THREW", error: { code: "watcher_failed", message: "the watcher took too long" } },
    };
  }
  return { type: "resume", runner: deps.id, nonce: newNonce(), holderDead: false };
}

const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms).unref());
