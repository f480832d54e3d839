import type { ChildProcess } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { FailedError } from "../errors.ts";
import type { LogFile } from "./store.ts";

/** A process that was just started; `ready` resolves when it serves. */
export interface Launched {
  readonly child: ChildProcess;
  readonly ready: Promise<void>;
  /** Why it failed, where it said so. */
  readonly reason?: () => string | undefined;
}

export interface Supervised {
  /** Resolves when it serves for the first time; rejects where it ends before that. */
  readonly ready: Promise<void>;
  /** SIGTERM, then SIGKILL for what does not go; resolves when it is gone. */
  stop(): Promise<void>;
  /** SIGKILL now, to whatever it has started in its group as well. */
  kill(): void;
}

interface SuperviseOptions {
  readonly label: string;
  readonly log: LogFile;
  readonly launch: () => Launched;
  /** How long it may take to end by itself. */
  readonly graceMs: number;
  readonly onRestart: (line: string) => void;
}

const FIRST_BACKOFF_MS = 250;
const MAX_BACKOFF_MS = 10_000;
/** Who has run for so long starts again as if for the first time. */
const HEALTHY_MS = 30_000;

/** Keeps a process running: one that dies is started again, after a while that doubles. */
export function supervise({ label, log, launch, graceMs, onRestart }: SuperviseOptions): Supervised {
  const stopping = new AbortController();
  const isStopping = (): boolean => stopping.signal.aborted;
  let child: ChildProcess | undefined;

  const runOnce = async (onReady: () => void): Promise<string> => {
    const launched = launch();
    child = launched.child;
    const ended = endOf(child);
    void Promise.race([launched.ready.then(onReady), ended]);
    const how = await ended;
    return launched.reason?.() ?? how;
  };

  let markReady: () => void = () => undefined;
  let markFailed: (error: Error) => void = () => undefined;
  const ready = new Promise<void>((resolve, reject) => {
    markReady = resolve;
    markFailed = reject;
  });
  // Nobody may be waiting yet.
  ready.catch(() => undefined);

  const run = async (): Promise<void> => {
    const served = new AbortController();
    let backoffMs = FIRST_BACKOFF_MS;
    while (!isStopping()) {
      const began = performance.now();
      const how = await runOnce(() => {
        served.abort();
        markReady();
      });
      if (isStopping()) return;
      if (!served.signal.aborted) {
        const tail = log.tail();
        const message = `${label} did not start: ${how}\n  its log is ${log.path}${tail === "" ? "" : `, and ends:\n${tail}`}`;
        markFailed(new FailedError(message));
        return;
      }
      if (performance.now() - began > HEALTHY_MS) backoffMs = FIRST_BACKOFF_MS;
      const line = `${label} ended (${how}); it is started again in ${backoffMs} ms; its log is ${log.path}`;
      onRestart(line.replace(/\s+/g, " ").slice(0, 500));
      await sleep(backoffMs, undefined, { signal: stopping.signal }).catch(() => undefined);
      backoffMs = Math.min(backoffMs * 2, MAX_BACKOFF_MS);
    }
  };
  const running = run().catch((thrown: unknown) => {
    markFailed(thrown instanceof Error ? thrown : new Error(String(thrown)));
  });

  const kill = (): void => {
    stopping.abort();
    // It leads a group of its own.
    if (child?.pid !== undefined && isAlive(child)) signalGroup(child.pid);
  };
  return {
    ready,
    kill,
    async stop() {
      stopping.abort();
      if (child !== undefined && isAlive(child)) child.kill("SIGTERM");
      const timer = setTimeout(kill, graceMs);
      await running;
      clearTimeout(timer);
    },
  };
}

const isAlive = (child: ChildProcess): boolean => child.exitCode === null && child.signalCode === null;

function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("exit", (code, signal) => resolve(signal ?? `exit code ${code ?? 0}`));
  });
}

function signalGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ESRCH") throw thrown;
  }
}
