import type { Readable } from "node:stream";

/** How long to wait for output that nobody of the step can write any more, and how much of it to take. */
const MAX_WAIT_MS = 1_000;
const MAX_BYTES = 1024 * 1024;
const LOOK_EVERY_MS = 50;

export interface Drain {
  /**
   * To be called when the step's processes have ended. What they wrote is still taken, at the reader's pace; a
   * process that left the session may hold the pipe open for ever, so the wait for more is bounded, and with
   * `signal` fired the wait for the reader too.
   */
  finish(signal: AbortSignal): Promise<void>;
}

/** Hands on what comes, one chunk at a time: the stream rests until `take` has settled, which never fails. */
export function drain(stream: Readable, take: (chunk: Uint8Array) => Promise<void> | undefined): Drain {
  let isTaking = false;
  let isDone = false;
  let bytes = 0;

  // Not by `data` and `pause`: Node resumes the streams of a process when it exits.
  const read = async (): Promise<void> => {
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      const taken = take(chunk);
      if (taken === undefined) continue;
      isTaking = true;
      await taken;
      isTaking = false;
    }
  };
  const done = read()
    // A pipe that breaks ends as one that is closed.
    .catch(() => undefined)
    .then(() => (isDone = true));

  return {
    async finish(signal) {
      if (isDone) return;
      const before = bytes;
      let waitedMs = 0;
      let look: NodeJS.Timeout | undefined;
      await new Promise<void>((resolve) => {
        look = setInterval(() => {
          if (!isTaking || signal.aborted) waitedMs += LOOK_EVERY_MS;
          if (waitedMs < MAX_WAIT_MS && bytes - before <= MAX_BYTES) return;
          stream.destroy();
          if (signal.aborted) resolve();
        }, LOOK_EVERY_MS);
        void done.then(() => resolve());
      });
      clearInterval(look);
    },
  };
}
