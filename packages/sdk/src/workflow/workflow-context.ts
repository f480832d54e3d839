import { toInstant } from "@jetmesh/lifecycle";
import type { ActionDelays, JsonObject, RepeatPolicy } from "@jetmesh/protocol";
import { Duration } from "@jetmesh/protocol";
import type { KindContext } from "@jetmesh/runner";
import type { z } from "zod";
import type { DefinedAction, Time } from "../define-action.ts";
import type { Steps } from "./steps.ts";

/** What a step will be; `cancel` is for one that is not wanted any more, a loser of a race. */
export interface StepPromise<T> extends Promise<T> {
  /** Ends the action of the step with the code `canceled`, which the step then rejects with. Of an action alone. */
  cancel(): void;
}

export interface ActionStepOptions {
  /** Where it runs; by default where its kind's actions do. */
  readonly pool?: string;
  readonly delays?: ActionDelays;
  readonly repeat?: RepeatPolicy;
  /** It goes on when its workflow has ended; else what a workflow has begun ends with it. */
  readonly detached?: boolean;
}

export interface CallOptions {
  /** It may run again when its runner was lost in it; else the step fails with the code `step_interrupted`. */
  readonly idempotent?: boolean;
}

/**
 * What the code of a workflow is given. The code is run again from its start whenever something has ended, each step that
 * has ended giving what it gave: so all that it does or learns of the world it does by steps, and it takes its way by what
 * they gave alone.
 */
export interface WorkflowContext<A> {
  readonly id: string;
  readonly attempt: number;
  readonly user: string;
  readonly jet: string | undefined;
  readonly argument: A;
  /** Milliseconds: when what the code was given last had ended. The same each time the code comes here. */
  now(): number;
  /** An action, on whatever runner knows its kind. Rejects with a `StepError` when it fails. */
  do<X extends z.ZodType, R extends z.ZodType>(
    ref: string,
    action: DefinedAction<X, R>,
    argument: z.input<X>,
    options?: ActionStepOptions,
  ): StepPromise<z.output<R>>;
  /** An action of a kind that is known by its name alone. */
  do(ref: string, kind: string, argument?: JsonObject, options?: ActionStepOptions): StepPromise<unknown>;
  /** A function, here and now; what it gives is kept as JSON. */
  do<T>(ref: string, call: (signal: AbortSignal) => T | Promise<T>, options?: CallOptions): StepPromise<T>;
  sleep(ref: string, time: Time): Promise<void>;
  /** Until somebody sends a signal of that name; each is given to one wait. Rejects with the code `signal_timeout`. */
  waitForSignal(name: string, options?: { readonly timeout?: Time }): Promise<unknown>;
  waitForSignal<S extends z.ZodType>(
    name: string,
    options: { readonly timeout?: Time; readonly schema: S },
  ): Promise<z.output<S>>;
  /** Sends a signal to another action. */
  signal(ref: string, to: string, name: string, payload?: unknown): Promise<void>;
  /** A line for `jm action logs`, written once and not again when the code comes here again. */
  readonly log: (line: string) => void;
}

export function createWorkflowContext<A>(given: KindContext, steps: Steps, argument: A): WorkflowContext<A> {
  const { record, output, signal } = given;
  const instantIn = (time: Time): string => toInstant(given.now() + Duration.parse(time));

  const action = (
    ref: string,
    what: DefinedAction | string,
    asked: JsonObject = {},
    { pool, delays, repeat, detached }: ActionStepOptions = {},
  ): StepPromise<unknown> => {
    const make = {
      argument: asked,
      ...(pool === undefined ? {} : { pool }),
      ...(delays === undefined ? {} : { delays }),
      ...(repeat === undefined ? {} : { repeat }),
    };
    const begun = steps.begin(
      {
        ref,
        what: "action",
        of: typeof what === "string" ? what : what.name,
        ...(detached === true ? { detached: true as const } : {}),
      },
      {
        make: make as JsonObject,
        ...(typeof what === "string" ? {} : { parse: (result) => what.result.parse(result) }),
      },
      given.now(),
    );
    const cancel = (): void => {
      const step = steps.open(begun.place);
      if (step !== undefined && step.cancel === undefined) steps.change(begun.place, { cancel: "asked" });
    };
    return Object.assign(begun.end, { cancel });
  };

  const call = (
    ref: string,
    run: (signal: AbortSignal) => unknown,
    options: CallOptions = {},
  ): StepPromise<unknown> => {
    const code = { call: () => run(signal), idempotent: options.idempotent === true };
    return Object.assign(steps.begin({ ref, what: "call" }, code, given.now()).end, {
      cancel: () => undefined,
    });
  };

  const context: WorkflowContext<A> = {
    id: record.id,
    attempt: record.attempt,
    user: record.user,
    jet: record.jet,
    argument,
    now: () => steps.now,
    do: ((ref: string, what: DefinedAction | string | (() => unknown), ...rest: never[]) =>
      typeof what === "function"
        ? call(ref, what, ...rest)
        : action(ref, what, ...rest)) as WorkflowContext<A>["do"],
    async sleep(ref, time) {
      await steps.begin({ ref, what: "sleep", until: instantIn(time) }, {}, given.now()).end;
    },
    waitForSignal(name: string, options: { readonly timeout?: Time; readonly schema?: z.ZodType } = {}) {
      const { timeout, schema } = options;
      const until = timeout === undefined ? {} : { until: instantIn(timeout) };
      const parse = schema === undefined ? {} : { parse: (payload: unknown) => schema.parse(payload) };
      return steps.begin({ ref: name, what: "wait", of: name, ...until }, parse, given.now())
        .end as Promise<never>;
    },
    async signal(ref, to, name, payload) {
      await steps.begin({ ref, what: "signal", of: name }, { send: { to, payload } }, given.now()).end;
    },
    log: (line) => {
      if (steps.isReplaying) return;
      output.write(record.kind, "stdout", Buffer.from(`${line}\n`))?.catch(() => undefined);
    },
  };
  return context;
}
