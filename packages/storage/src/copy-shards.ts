import { type Names } from "@jetmesh/protocol";
import type { JsMsg } from "@nats-io/jetstream";
import { type Carried, carry, isArrived, remainingTtl, type StoredRecord } from "./carried.ts";
import type { Connection } from "./connection.ts";
import { BrokerError, isTransient, UnavailableError } from "./errors.ts";
import { readStream } from "./read-stream.ts";
import type { Sharded } from "./reshard-streams.ts";
import { readLast } from "./stored-messages.ts";
import { pause, writeOnce } from "./writer.ts";

/** What is copied, from the shards of one number to those of another. */
export interface Copy {
  readonly connection: Connection;
  readonly from: Names;
  readonly to: Names;
  readonly holds: Sharded;
  readonly now: () => number;
}

export interface CopyCount {
  /** Records that stay until somebody removes them. */
  lasting: number;
  /** Records that go by their TTL. */
  passing: number;
}

const AT_ONCE = 128;
const PAGE = 2_000;
const PAGE_BYTES = 16 * 1024 * 1024;
const DEADLINE_MS = 60_000;

/** Copies everything that is there; what was copied before, by a run that did not come to its end, is left as it is. */
export async function copyRecords(copy: Copy): Promise<void> {
  await eachRecord(copy, copy.from, async (carried) => {
    if (!(await write(copy, carried))) await assertArrived(copy, carried);
  });
}

/** Reads everything back, record by record; then counts, so that there is nothing more either. */
export async function verifyCopy(copy: Copy): Promise<CopyCount> {
  const count: CopyCount = { lasting: 0, passing: 0 };
  await eachRecord(copy, copy.from, async (carried) => {
    await assertArrived(copy, carried);
    if (carried.isMarker) return;
    if (carried.expiresAt === undefined) count.lasting += 1;
    else count.passing += 1;
  });
  let arrived = 0;
  await eachRecord(copy, copy.to, ({ isMarker, expiresAt }) => {
    if (!isMarker && expiresAt === undefined) arrived += 1;
    return Promise.resolve();
  });
  if (arrived !== count.lasting)
    throw new BrokerError(
      0,
      `${String(count.lasting)} ${copy.holds} were to be copied and ${String(arrived)} are there: somebody writes to them`,
    );
  return count;
}

/** Every record of all shards of one number, some at a time. */
async function eachRecord(
  { connection, holds }: Copy,
  names: Names,
  visit: (carried: Carried) => Promise<void>,
): Promise<void> {
  for (const bucket of names.bucketsOf(names.buckets[holds])) {
    const prefix = names.kv(bucket, "");
    for (let cursor: number | undefined = 0; cursor !== undefined; ) {
      const page: Carried[] = [];
      let bytes = 0;
      cursor = await readStream(
        connection,
        names.kvStream(bucket),
        names.kv(bucket, ">"),
        { cursor, most: PAGE },
        (message) => {
          page.push(carry(toRecord(message, prefix), holds));
          bytes += message.data.length;
          return bytes >= PAGE_BYTES ? "enough" : "more";
        },
      );
      await Promise.all(
        Array.from({ length: AT_ONCE }, async () => {
          for (let one = page.pop(); one !== undefined; one = page.pop()) await visit(one);
        }),
      );
    }
  }
}

const toRecord = ({ subject, seq, data, headers, info }: JsMsg, prefix: string): StoredRecord => ({
  key: subject.slice(prefix.length),
  sequence: seq,
  storedAt: Math.floor(info.timestampNanos / 1e6),
  headers: new Map([...(headers ?? [])].map(([name, values]) => [name, values[0] ?? ""])),
  data,
});

/** False where there is something already. */
async function write({ connection, to, holds, now }: Copy, carried: Carried): Promise<boolean> {
  const subject = to.kv(to.bucketOf(to.buckets[holds], carried.key), carried.key);
  const until = performance.now() + DEADLINE_MS;
  for (let tries = 1; ; tries += 1) {
    const ttlMs = remainingTtl(carried, now());
    if (ttlMs === "over") return true;
    const outcome = await writeOnce(connection, subject, carried.data, {
      point: "reshard.copy",
      expect: 0,
      headers: carried.headers,
      ...(ttlMs === "none" ? {} : { ttlMs }),
    });
    if (outcome.kind === "written") return true;
    // It may be this very one, whose answer was lost: what lies there is looked at.
    if (outcome.kind === "conflict") return false;
    if (outcome.kind === "refused" && !isTransient(outcome.code))
      throw new BrokerError(outcome.code, `${carried.key} cannot be copied: ${outcome.message}`);
    if (performance.now() >= until) throw new UnavailableError(`no answer to the copy of ${carried.key}`);
    await pause(tries);
  }
}

async function assertArrived({ connection, to, holds, now }: Copy, carried: Carried): Promise<void> {
  const bucket = to.bucketOf(to.buckets[holds], carried.key);
  const found = await readLast(connection, to.kvStream(bucket), to.kv(bucket, carried.key));
  const there = found === undefined ? undefined : carry({ ...found, key: carried.key }, holds);
  if (!isArrived(carried, there, now()))
    throw new BrokerError(
      0,
      `${carried.key} in ${bucket} is not what was copied there: somebody writes to it, or it was there before`,
    );
}
