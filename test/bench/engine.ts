import type { LoopOptions, LoopResult } from "./inside/closed-loop.ts";
import type { Resources } from "./resources.ts";

/** Like is compared with like: who answers before the disk has it, and who answers after. */
export type Sync = "lazy" | "synced";

/** One row of the report: an engine with one durability. */
export interface Engine {
  /** As `--engines` names it. */
  readonly key: string;
  readonly name: string;
  readonly sync: Sync;
  /** What is on the disk when the caller knows. */
  readonly durability: string;
  /** Which settings decide when a dead worker's job is taken over, all of them the engine's defaults. */
  readonly takeOverBy: string;
  /** Throws `Unavailable` where it cannot be had on this machine. */
  start(resources: Resources): Promise<RunningEngine>;
}

export interface RunningEngine {
  readonly versions: Readonly<Record<string, string>>;
  /** The roots of its process trees, as they are now. */
  pids(): { readonly server: readonly number[]; readonly worker: readonly number[] };
  readonly load: Load;
  /**
   * With a second worker standing by, kills the one that is in the middle of a job's main, and gives the time until
   * the other one has begun it; undefined where that took longer than the bound.
   */
  takeOver(boundMs: number): Promise<number | undefined>;
  /** Acknowledged writes for one action, where they can be counted. */
  countWrites?(): Promise<number>;
  /** Whether it may be stopped by SIGSTOP while others are measured. */
  readonly mayStandStill: boolean;
}

/** An engine that could be started. */
export interface Entry {
  readonly engine: Engine;
  readonly running: RunningEngine;
}

/** The load process of a running engine. */
export interface Load {
  readonly pid: number;
  /** One loop; the events come while it runs. */
  run(options: LoopOptions, events: { began(): void; ended(): void }): Promise<LoopResult>;
  hold(id: string): void;
}

/** Why an engine is not measured; said in the report, and the run goes on. */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
}
