import { toInstant } from "@jetmesh/lifecycle";
import { LOG_HEADERS, type Names } from "@jetmesh/protocol";
import { type BrokerClock, type Connection, writeOnce } from "@jetmesh/storage";

interface OutputDeps {
  readonly connection: Connection;
  readonly names: Names;
  readonly clock: BrokerClock;
}

/** What a running action prints, live on `jm.log.<id>`: raw bytes in order, bounded, with an honest end. */
export interface ActionOutput {
  write(step: string, stream: "stdout" | "stderr", chunk: Uint8Array): void | Promise<void>;
  /** Waits until what was written is acknowledged, at most a few seconds: lines are not worth an action. */
  flush(): Promise<void>;
}

const MAX_CHUNK = 64 * 1024;
const MAX_IN_FLIGHT = 64;
/** One action prints at most so much between a claim and its end. */
const MAX_BYTES = 32 * 1024 * 1024;
const FLUSH_MS = 5_000;

export function createOutput(deps: OutputDeps, id: string): ActionOutput {
  const subject = deps.names.log.of(id);
  const inFlight = new Set<Promise<unknown>>();
  let sequence = 0;
  let bytes = 0;
  let isTruncated = false;

  const send = (step: string, stream: string, data: Uint8Array): void => {
    sequence += 1;
    const headers: [string, string][] = [
      [LOG_HEADERS.seq, String(sequence)],
      [LOG_HEADERS.step, step],
      [LOG_HEADERS.stream, stream],
      [LOG_HEADERS.at, toInstant(deps.clock.now())],
    ];
    const sent = writeOnce(deps.connection, subject, data, { point: "log.chunk", headers }).finally(() =>
      inFlight.delete(sent),
    );
    inFlight.add(sent);
  };

  const take = (step: string, stream: string, chunk: Uint8Array): void => {
    if (isTruncated) return;
    for (let at = 0; at < chunk.length; at += MAX_CHUNK) {
      if (bytes >= MAX_BYTES) {
        isTruncated = true;
        return send(step, "stderr", Buffer.from(`\n[truncated: more than ${String(MAX_BYTES)} bytes]\n`));
      }
      const part = chunk.subarray(at, at + MAX_CHUNK);
      bytes += part.length;
      send(step, stream, part);
    }
  };

  return {
    write(step, stream, chunk) {
      take(step, stream, chunk);
      // The step's pipe is not read on while this is pending, so that nothing piles up here.
      return inFlight.size > MAX_IN_FLIGHT ? Promise.race(inFlight).then(() => undefined) : undefined;
    },
    async flush() {
      if (inFlight.size === 0) return;
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise((resolve) => (timer = setTimeout(resolve, FLUSH_MS)));
      await Promise.race([Promise.allSettled(inFlight), late]);
      clearTimeout(timer);
    },
  };
}
