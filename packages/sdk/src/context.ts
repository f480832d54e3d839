import type { JsonObject } from "@jetmesh/protocol";
import type { KindContext } from "@jetmesh/runner";

/** What the methods of a kind are given. */
export interface ActionContext<A> {
  readonly id: string;
  /** 1 for the first pass through main; grows with each repeat and each SLEEPING of a watcher. */
  readonly attempt: number;
  /** Grows with every claim of every action: whoever is written to can refuse a smaller one than it has seen. */
  readonly fence: number;
  readonly user: string;
  /** The jet that it moves, where it moves one. */
  readonly jet: string | undefined;
  readonly argument: A;
  /** How it had ended and with what: for a rollback. */
  readonly outcome: "SUCCESS" | "ERROR" | undefined;
  readonly result: unknown;
  /** JSON of the action's own, kept from one method to the next; written with what the method returns. */
  readonly bag: JsonObject;
  /** Fires on a cancel, when the delay of the state or the deadline has passed, and when the claim is lost. */
  readonly signal: AbortSignal;
  /** The broker's time, in milliseconds. */
  now(): number;
  /** The delay of the present state counts from now on again. */
  heartbeat(): Promise<void>;
  /** Writes the bag now, for what comes after a crash. */
  save(): Promise<void>;
  /** A line for `jm action logs`. */
  readonly log: (line: string) => void;
}

export function createContext<A>(given: KindContext, argument: A): ActionContext<A> {
  const { record, fence, signal, output } = given;
  const bag = structuredClone(record.bag);
  return {
    id: record.id,
    attempt: record.attempt,
    fence,
    user: record.user,
    jet: record.jet,
    argument,
    outcome: record.outcome,
    result: record.result,
    bag,
    signal,
    now: () => given.now(),
    heartbeat: () => given.heartbeat(),
    save: () => given.progress({ bag }),
    log: (line) => {
      // What goes wrong with a line is no fault of the action.
      const written = output.write(record.kind, "stdout", Buffer.from(`${line}\n`));
      written?.catch(() => undefined);
    },
  };
}
