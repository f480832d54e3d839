import type { Names } from "@jetmesh/protocol";
import type { Connection } from "@jetmesh/storage";

/**
 * Asks every runner that holds something, once a second, whether it is there. One that nobody listens for is not
 * judged here: its actions are resumed, and whoever takes such a resume finds out for itself (design §2, Known
 * dead). So a wrong suspicion costs a few messages.
 */
export interface HolderWatch {
  stop(): void;
}

export interface HolderWatchOptions {
  readonly connection: Connection;
  readonly names: Names;
  readonly isLeader: () => boolean;
  readonly heldBy: () => ReadonlySet<string>;
  readonly presenceIsGone: (runner: string) => Promise<boolean>;
  readonly onSilent: (runner: string) => void;
}

const EVERY_MS = 1_000;
/** A round lasts as long as the slowest answer, and whoever is cut off is to be taken over within 20 s. */
const ANSWER_MS = 1_000;
/** A suspicion is repeated after so long, while actions still name the runner. */
const AGAIN_MS = 3_000;

export function watchHolders({
  connection,
  names,
  isLeader,
  heldBy,
  presenceIsGone,
  onSilent,
}: HolderWatchOptions): HolderWatch {
  const suspected = new Map<string, number>();
  let isAsking = false;

  const ask = async (runner: string): Promise<void> => {
    const reply = await connection.pipeline.call(
      names.svc.ofInstance("runner", runner, "ping"),
      "",
      undefined,
      ANSWER_MS,
    );
    const isThere = typeof reply !== "string";
    // Somebody listens and does not answer: paused, or cut off. Its presence tells.
    const isSilent = reply === "timeout" && (await presenceIsGone(runner).catch(() => false));
    if (isThere || (reply !== "no_responders" && !isSilent)) return void suspected.delete(runner);
    const last = suspected.get(runner);
    if (last !== undefined && performance.now() - last < AGAIN_MS) return;
    suspected.set(runner, performance.now());
    onSilent(runner);
  };

  const round = async (): Promise<void> => {
    const runners = heldBy();
    for (const runner of suspected.keys()) if (!runners.has(runner)) suspected.delete(runner);
    await Promise.all([...runners].map(ask));
  };

  const timer = setInterval(() => {
    if (isAsking || !isLeader() || connection.connectedSince() === undefined) return;
    isAsking = true;
    void round().finally(() => (isAsking = false));
  }, EVERY_MS);
  return { stop: () => clearInterval(timer) };
}
