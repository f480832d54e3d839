import type { Outbox } from "./outbox.ts";
import type { Pipeline } from "./pipeline.ts";
import { readAck, type WriteOutcome } from "./write-outcome.ts";

/**
 * Writes to one stream made together, where a lone acknowledgement is slow because the broker syncs each message to
 * its disk. An atomic batch is synced once (`reference/nats.md` §9).
 *
 *   G1  A write goes at once, alone, while fewer than `MOST_ALONE` others are on their way alone; the rest wait, and go
 *       together as soon as `LEAST_TOGETHER` of them do, one batch at a time. So a lone write is never held up.
 *   G2  All or none: a batch that is refused was not written, and each of its members is sent again alone, so that one
 *       that has lost its race costs the others a round trip and nothing else.
 *   G3  A batch without an answer is a write without an answer for each member, and found out as any (ADR 0005).
 *   G4  Off unless acknowledgements are slow (`ack-latency.ts`): where the broker does not sync, batches made the same
 *       pipeline two to four times slower.
 */
export interface GroupCommit {
  /** `headers`: a header block. */
  write(
    stream: string,
    subject: string,
    data: string,
    headers: string,
    timeoutMs: number,
  ): Promise<WriteOutcome>;
  engage(isOn: boolean): void;
  readonly isEngaged: boolean;
}

interface Waiting {
  readonly subject: string;
  readonly data: string;
  readonly headers: string;
  readonly timeoutMs: number;
  readonly settle: (outcome: WriteOutcome) => void;
  /** It was in a batch that was refused. */
  alone: boolean;
}

interface Lane {
  readonly waiting: Waiting[];
  alone: number;
  batches: number;
  /** The stream takes none. */
  refusesBatches: boolean;
}

const MOST_ALONE = 4;
const LEAST_TOGETHER = 16;
const MOST_TOGETHER = 200;
/** Below what a broker takes in one go of one client without falling behind with others. */
const MOST_BYTES = 512 * 1024;
const MOST_BATCHES = 1;
/** Atomic publish is not enabled for the stream, or not known to the broker. */
const NO_BATCHES: ReadonlySet<number> = new Set([10_174, 10_205]);

const HEAD = "NATS/1.0\r\n";

export function createGroupCommit(pipeline: Pipeline, outbox: Outbox, newId: () => string): GroupCommit {
  const lanes = new Map<string, Lane>();
  let isEngaged = false;

  /** An answer that cannot be read says as little as none. */
  const send = ({ subject, data, timeoutMs }: Waiting, headers: string): Promise<WriteOutcome> =>
    pipeline
      .request(subject, data, headers, timeoutMs, readAck)
      .catch((): WriteOutcome => ({ kind: "unknown", why: "timeout" }));

  const sendAlone = (lane: Lane, one: Waiting): void => {
    lane.alone += 1;
    void send(one, one.headers).then((outcome) => {
      lane.alone -= 1;
      one.settle(outcome);
      pump(lane);
    });
  };

  const sendTogether = (lane: Lane, members: readonly Waiting[]): void => {
    lane.batches += 1;
    const id = newId();
    const blockOf = (one: Waiting, index: number): string => {
      const commit = index + 1 === members.length ? "Nats-Batch-Commit: 1\r\n" : "";
      const place = `Nats-Batch-Id: ${id}\r\nNats-Batch-Sequence: ${String(index + 1)}\r\n${commit}`;
      return HEAD + place + one.headers.slice(HEAD.length);
    };
    const last = members.at(-1);
    if (last === undefined) return;
    for (const [index, one] of members.slice(0, -1).entries())
      outbox.publish(one.subject, one.data, "", blockOf(one, index));
    void send(last, blockOf(last, members.length - 1)).then((outcome) => {
      lane.batches -= 1;
      if (outcome.kind === "written") {
        const first = outcome.sequence - members.length + 1;
        for (const [index, one] of members.entries())
          one.settle({ kind: "written", sequence: first + index, duplicate: false });
      } else if (outcome.kind === "unknown") {
        for (const one of members) one.settle(outcome);
      } else {
        if (outcome.kind === "refused" && NO_BATCHES.has(outcome.code)) lane.refusesBatches = true;
        for (const one of members) one.alone = true;
        lane.waiting.unshift(...members);
      }
      pump(lane);
    });
  };

  const pump = (lane: Lane): void => {
    while (lane.waiting.length > 0) {
      const together = isEngaged && lane.batches < MOST_BATCHES ? takeTogether(lane) : [];
      if (together.length > 0) {
        sendTogether(lane, together);
        continue;
      }
      const next = lane.waiting[0];
      if (next === undefined || (isEngaged && lane.alone >= MOST_ALONE && !next.alone)) return;
      lane.waiting.shift();
      sendAlone(lane, next);
    }
  };

  return {
    get isEngaged() {
      return isEngaged;
    },
    engage(isOn) {
      isEngaged = isOn;
      for (const lane of lanes.values()) pump(lane);
    },
    write(stream, subject, data, headers, timeoutMs) {
      if (!isEngaged) return pipeline.request(subject, data, headers, timeoutMs, readAck);
      let lane = lanes.get(stream);
      if (lane === undefined)
        lanes.set(stream, (lane = { waiting: [], alone: 0, batches: 0, refusesBatches: false }));
      const { waiting } = lane;
      const written = new Promise<WriteOutcome>((settle) =>
        waiting.push({ subject, data, headers, timeoutMs, settle, alone: false }),
      );
      pump(lane);
      return written;
    },
  };
}

/** Those at the head that may go together: no subject twice, which the broker refuses; none where there are too few. */
function takeTogether(lane: Lane): Waiting[] {
  if (lane.refusesBatches || lane.alone < MOST_ALONE || lane.waiting.length < LEAST_TOGETHER) return [];
  const subjects = new Set<string>();
  let bytes = 0;
  for (const one of lane.waiting) {
    bytes += one.data.length;
    if (one.alone || subjects.has(one.subject) || subjects.size >= MOST_TOGETHER || bytes > MOST_BYTES) break;
    subjects.add(one.subject);
  }
  return subjects.size < LEAST_TOGETHER ? [] : lane.waiting.splice(0, subjects.size);
}
