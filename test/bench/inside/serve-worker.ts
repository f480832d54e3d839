import type { FromWorker } from "./messages.ts";

/** Ids of jobs that stay begin like this, in every engine. */
export const HOLD = "hold-";

const tell = (message: FromWorker): void => void process.send?.(message);

/**
 * The main of a job that stays: says that it began here, and never ends. The timer keeps the process alive even where
 * nothing else does.
 */
export function stay(id: string): Promise<never> {
  tell({ is: "holding", id });
  return new Promise(() => setInterval(() => undefined, 60_000));
}

/** Runs in a worker process: `start` resolves when jobs are taken. */
export async function serveWorker(start: () => Promise<void>): Promise<void> {
  process.on("disconnect", () => process.exit(0));
  await start();
  tell({ is: "ready" });
}
