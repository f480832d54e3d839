import { toInstant } from "@jetmesh/lifecycle";
import { Duration, type JsonObject, KindRecord } from "@jetmesh/protocol";
import type { ActionKind, KindContext } from "@jetmesh/runner";
import { z } from "zod";
import { type ActionContext, createContext } from "./context.ts";
import type { MainOutcome, WatcherOutcome } from "./outcomes.ts";

/** A number of milliseconds, or `30s`, `5m`, `2h`; 0 = no limit. */
export type Time = number | string;

/**
 * A kind of action: the code behind it and what it is made with. `init` is called before main and before each watcher, in
 * whatever process that is, and what it gives is handed on. Main is called at most once per attempt, whatever crashes;
 * where its runner is lost the watcher is asked what became of it, so a kind whose main must not be lost has one.
 */
export interface ActionOptions<A extends z.ZodType, R extends z.ZodType, L> {
  readonly kind: string;
  readonly argument: A;
  readonly result: R;
  /** Where its actions run; by default in a pool of the kind's own name, which its runners serve. */
  readonly pool?: string;
  init?(context: ActionContext<z.output<A>>): L | Promise<L>;
  main(
    context: ActionContext<z.output<A>>,
    loaded: L,
  ): MainOutcome<z.input<R>> | Promise<MainOutcome<z.input<R>>>;
  watcher?(
    context: ActionContext<z.output<A>>,
    loaded: L,
  ): WatcherOutcome<z.input<R>> | Promise<WatcherOutcome<z.input<R>>>;
  /** Undoes what main did, once the action is closed and somebody asks for it. A throw is said, and it may be asked for again. */
  rollback?(context: ActionContext<z.output<A>>, loaded: L): void | Promise<void>;
  /** Start: none by default; main: 2 min; progress: 10 min; deadline, of all of it: none. */
  readonly delays?: {
    readonly start?: Time;
    readonly main?: Time;
    readonly progress?: Time;
    readonly deadline?: Time;
  };
  /** How often the watcher is asked; 10 s by default. */
  readonly frequency?: Time;
  /** How often it runs again, after an error or a success, from its start with an empty bag. */
  readonly repeat?: Repeats;
  /**
   * What of the argument makes two actions the same; `true`: all of it. While one is open, others that are the same run nothing
   * and end as it does. Not of what a jet action runs.
   */
  readonly identity?: true | readonly (keyof z.input<A> & string)[];
  /** One that has succeeded stands for all that come later, and gives them its result. */
  readonly once?: true;
  /** How long closed records are kept: a day by default, seven where there is a rollback. */
  readonly keep?: Time;
  /** How often in a row the watcher may throw; 5 by default. */
  readonly maxWatcherFailures?: number;
}

export interface Repeats {
  readonly error?: number;
  readonly success?: number;
  /** How long it waits before it runs again, 10 s by default; `factor` times longer each time, at most `max`. */
  readonly backoff?: Time;
  readonly factor?: number;
  readonly max?: Time;
  /** Between half and all of that. */
  readonly jitter?: boolean;
}

/** A kind as runners take it, with its types for whoever makes actions of it. */
export interface DefinedAction<A extends z.ZodType = z.ZodType, R extends z.ZodType = z.ZodType>
  extends ActionKind {
  readonly registers: KindRecord;
  readonly argument: A;
  readonly result: R;
}

const timeOf = (time: Time | undefined): number | undefined =>
  time === undefined ? undefined : Duration.parse(time);

export function defineAction<A extends z.ZodType, R extends z.ZodType, L = undefined>(
  options: ActionOptions<A, R, L>,
): DefinedAction<A, R> {
  const { kind, argument, result } = options;
  /** The argument is checked and `init` called before each method, in the process that runs it. */
  const prepared = new WeakMap<KindContext, { context: ActionContext<z.output<A>>; loaded: L }>();
  const of = (given: KindContext): { context: ActionContext<z.output<A>>; loaded: L } => {
    const found = prepared.get(given);
    if (found === undefined) throw new Error("init was not called before");
    return found;
  };
  const finish = (
    outcome: WatcherOutcome<z.input<R>> | undefined,
    context: ActionContext<z.output<A>>,
  ): object | undefined => {
    if (outcome === undefined) return undefined;
    const bag = context.bag;
    if (outcome.state === "SUCCESS") return { ...outcome, result: result.parse(outcome.result), bag };
    if (outcome.state === "IN_PROGRESS" && outcome.afterMs !== undefined)
      return { state: "IN_PROGRESS", bag, watchAt: toInstant(context.now() + outcome.afterMs) };
    return { ...outcome, bag };
  };

  return {
    name: kind,
    argument,
    result,
    registers: registrationOf(options),
    async init(given) {
      const context = createContext(given, argument.parse(given.record.argument));
      const loaded = (await options.init?.(context)) as L;
      prepared.set(given, { context, loaded });
    },
    async main(given) {
      const { context, loaded } = of(given);
      return finish(await options.main(context, loaded), context) as Awaited<ReturnType<ActionKind["main"]>>;
    },
    ...(options.watcher === undefined
      ? {}
      : {
          async watcher(given: KindContext) {
            const { context, loaded } = of(given);
            return finish(await options.watcher?.(context, loaded), context) as Awaited<
              ReturnType<NonNullable<ActionKind["watcher"]>>
            >;
          },
        }),
    ...(options.rollback === undefined
      ? {}
      : {
          async rollback(given: KindContext) {
            const { context, loaded } = of(given);
            await options.rollback?.(context, loaded);
          },
        }),
  };
}

type Registered = Pick<
  ActionOptions<z.ZodType, z.ZodType, unknown>,
  "kind" | "pool" | "argument" | "delays" | "frequency" | "repeat" | "maxWatcherFailures" | "keep" | "once"
> & { readonly rollback?: unknown; readonly identity?: true | readonly string[] };

export function registrationOf({
  kind,
  pool,
  argument,
  delays,
  frequency,
  repeat,
  maxWatcherFailures,
  rollback,
  keep,
  identity,
  once,
}: Registered): KindRecord {
  const times = {
    startMs: timeOf(delays?.start),
    mainMs: timeOf(delays?.main),
    progressMs: timeOf(delays?.progress),
    deadlineMs: timeOf(delays?.deadline),
    frequencyMs: timeOf(frequency),
  };
  return KindRecord.parse({
    v: 1,
    kind,
    pool: pool ?? kind,
    delays: Object.fromEntries(Object.entries(times).filter(([, ms]) => ms !== undefined)),
    ...(repeat === undefined
      ? {}
      : {
          repeat: {
            error: repeat.error ?? 0,
            success: repeat.success ?? 0,
            backoffMs: timeOf(repeat.backoff) ?? 10_000,
            ...(repeat.factor === undefined ? {} : { factor: repeat.factor }),
            ...(repeat.max === undefined ? {} : { maxMs: timeOf(repeat.max) }),
            ...(repeat.jitter === undefined ? {} : { jitter: repeat.jitter }),
          },
        }),
    ...(maxWatcherFailures === undefined ? {} : { maxWatcherFailures }),
    ...(rollback === undefined ? {} : { rollback: true }),
    ...(identity === undefined ? {} : { identity: identity === true ? [] : [...identity] }),
    ...(once === undefined ? {} : { once }),
    ...(keep === undefined ? {} : { keepMs: timeOf(keep) }),
    argument: z.toJSONSchema(argument, { io: "input", unrepresentable: "any" }) as JsonObject,
  });
}
