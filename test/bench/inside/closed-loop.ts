/**
 * The load, the same for every engine: `inFlight` lanes, each of which triggers its next job as soon as the last is
 * known to have ended. What ends between two instants is counted, so that neither the start nor the draining at the
 * end is part of a rate.
 */
export interface LoopOptions {
  readonly inFlight: number;
  readonly warmUpMs: number;
  readonly forMs: number;
}

export interface LoopResult {
  readonly latencies: Float64Array;
  readonly tookMs: number;
}

export interface LoopEvents {
  /** The warm-up is over: from here on it counts. */
  began(): void;
  /** What comes now only drains. */
  ended(result: LoopResult): void;
}

/** Resolves when every lane is done; `act` resolves when its job's success is recorded and that is known here. */
export async function closedLoop(
  act: (lane: number) => Promise<void>,
  { inFlight, warmUpMs, forMs }: LoopOptions,
  events: LoopEvents,
): Promise<void> {
  const latencies: number[] = [];
  let phase: "warm-up" | "counting" | "draining" = "warm-up";
  let ended = 0;
  const failure = new AbortController();
  const hasFailed = (): boolean => failure.signal.aborted;

  const lane = async (index: number): Promise<void> => {
    while (phase !== "draining") {
      const asked = performance.now();
      await act(index);
      ended += 1;
      if (phase === "counting") latencies.push(performance.now() - asked);
    }
  };
  const clock = async (): Promise<void> => {
    await after(warmUpMs);
    // The first jobs of a process take many times as long: a short warm-up lasts until they are over.
    while (ended < inFlight && !hasFailed()) await after(POLL_MS);
    if (hasFailed()) return;
    phase = "counting";
    const began = performance.now();
    events.began();
    await after(forMs);
    if (hasFailed()) return;
    phase = "draining";
    events.ended({ latencies: Float64Array.from(latencies), tookMs: performance.now() - began });
  };
  try {
    await Promise.all([clock(), ...Array.from({ length: inFlight }, (_, index) => lane(index))]);
  } catch (thrown) {
    failure.abort();
    phase = "draining";
    throw thrown;
  }
}

const POLL_MS = 5;
const after = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
