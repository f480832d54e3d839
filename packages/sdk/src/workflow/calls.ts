import { type Ending, serializeError } from "@jetmesh/lifecycle";
import type { StepCode, Steps } from "./steps.ts";

/** The functions of a workflow's own that run now. */
export interface Calls {
  readonly isRunning: boolean;
  has(index: number): boolean;
  run(index: number, code: StepCode): void;
  anyEnded(): Promise<void>;
  takeEnded(now: number): boolean;
}

export function createCalls(steps: Steps): Calls {
  const running = new Map<number, Promise<void>>();
  const ended = new Map<number, Ending>();
  const call = async (index: number, code: StepCode): Promise<void> => {
    try {
      const value: unknown = await code.call?.();
      // As whoever reads the record gets it, the first time as any other.
      const text = value === undefined ? undefined : JSON.stringify(value);
      const result = text === undefined ? {} : { result: JSON.parse(text) as Ending["result"] };
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
