import type { Names } from "@jetmesh/protocol";
import type { Connection } from "./connection.ts";
import { BrokerError, isTransient, JS_CODE, UnavailableError } from "./errors.ts";
import { parseJson } from "./json.ts";
import type { WritePoint } from "./write-points.ts";
import { pause, writeOnce } from "./writer.ts";

/** What a key holds, read from the leader. */
export type Stored<T> =
  | { readonly kind: "absent" }
  /** A marker: deleted or expired. It counts as existing for a write that expects nothing. */
  | { readonly kind: "gone"; readonly revision: number }
  | { readonly kind: "record"; readonly revision: number; readonly value: T }
  /** What is there does not have the shape of the bucket's records. */
  | { readonly kind: "unreadable"; readonly revision: number; readonly why: string };

export type SwapOutcome =
  | { readonly kind: "written"; readonly revision: number }
  | { readonly kind: "conflict" };

export interface SwapOptions {
  /** Which of the mesh's writes this is. */
  readonly point: WritePoint;
  readonly ttlMs?: number | undefined;
  /** The value as JSON, where its writer has it already. */
  readonly text?: string | undefined;
  /**
   * Give up, with an `UnavailableError`, after this long without a clear answer; `Infinity` ends with the connection
   * alone.
   */
  readonly deadlineMs?: number | undefined;
}

/** A bucket of records of one shape: leader reads and compare-and-swap writes, nothing else. */
export interface Bucket<T> {
  readonly name: string;
  get(key: string): Promise<Stored<T>>;
  /**
   * Writes where the key's revision is `expected` (0 = never written). An answer that was lost is found out:
   * the write is sent again, and on refusal the leader is read; what stands there word for word is ours.
   */
  swap(key: string, value: T, expected: number, options: SwapOptions): Promise<SwapOutcome>;
  /** Reads a value that came another way, as a follower's. */
  parse(bytes: Uint8Array): Stored<T>;
  /** Writes whatever is there; one try. False without an acknowledgement. */
  put(
    key: string,
    value: T,
    options: { readonly point: WritePoint; readonly ttlMs: number },
  ): Promise<boolean>;
  /** Leaves a marker; one try. */
  remove(key: string, point: WritePoint): Promise<void>;
}

export interface BucketPlan<T> {
  readonly name: string;
  readonly schema: { parse(value: unknown): T };
  /** Its stream takes atomic batches, so that writes may be made together. */
  readonly batchable?: boolean;
  /** Headers that followers read instead of bodies. */
  readonly headersOf?: (value: T) => readonly (readonly [string, string])[];
}

interface RawMessage {
  readonly message?: {
    readonly seq: number;
    readonly data?: string;
    readonly hdrs?: string;
    readonly time: string;
  };
  readonly error?: { readonly err_code?: number; readonly description?: string };
}

const READ_TIMEOUT_MS = 2_000;
const DEADLINE_MS = 30_000;

export function createBucket<T>(connection: Connection, names: Names, plan: BucketPlan<T>): Bucket<T> {
  const batchable = plan.batchable === true ? names.kvStream(plan.name) : undefined;
  const readSubject = `${connection.apiPrefix}.STREAM.MSG.GET.${names.kvStream(plan.name)}`;

  const readRaw = async (key: string, deadlineMs: number): Promise<RawMessage["message"]> => {
    const request = JSON.stringify({ last_by_subj: names.kv(plan.name, key) });
    const until = performance.now() + deadlineMs;
    for (let tries = 1; ; tries += 1) {
      const reply = await connection.pipeline.call(readSubject, request, undefined, READ_TIMEOUT_MS);
      if (typeof reply !== "string") {
        const raw = parseJson(reply.data) as RawMessage;
        if (raw.message !== undefined) return raw.message;
        const code = raw.error?.err_code ?? 0;
        if (code === JS_CODE.noMessage) return undefined;
        if (!isTransient(code)) throw new BrokerError(code, raw.error?.description ?? "read refused");
      }
      if (reply === "closed" || performance.now() >= until) {
        throw new UnavailableError(`no answer to a read of ${key} in ${plan.name}`);
      }
      await pause(tries);
    }
  };

  const parse = (bytes: Uint8Array, revision: number): Stored<T> => {
    try {
      return { kind: "record", revision, value: plan.schema.parse(parseJson(bytes)) };
    } catch (thrown) {
      return { kind: "unreadable", revision, why: thrown instanceof Error ? thrown.message : String(thrown) };
    }
  };

  return {
    name: plan.name,
    parse: (bytes) => parse(bytes, 0),
    async put(key, value, { point, ttlMs }) {
      const options = { point, ttlMs, headers: plan.headersOf?.(value) };
      return (
        (
          await writeOnce(
            connection,
            names.kv(plan.name, key),
            JSON.stringify(value),
            options,
            READ_TIMEOUT_MS,
          )
        ).kind === "written"
      );
    },
    async remove(key, point) {
      await writeOnce(
        connection,
        names.kv(plan.name, key),
        "",
        { point, ttlMs: 60_000, headers: [["KV-Operation", "DEL"]] },
        READ_TIMEOUT_MS,
      );
    },
    async get(key) {
      const raw = await readRaw(key, DEADLINE_MS);
      if (raw === undefined) return { kind: "absent" };
      if (isMarker(raw.hdrs === undefined ? "" : Buffer.from(raw.hdrs, "base64").toString()))
        return { kind: "gone", revision: raw.seq };
      return parse(Buffer.from(raw.data ?? "", "base64"), raw.seq);
    },
    async swap(key, value, expected, { point, ttlMs, deadlineMs = DEADLINE_MS, text: given }) {
      const subject = names.kv(plan.name, key);
      const text = given ?? JSON.stringify(value);
      const until = performance.now() + deadlineMs;
      const headers = plan.headersOf?.(value);
      const options = { point, expect: expected, ttlMs, headers, batchable };
      for (let tries = 1, ambiguous = false; ; tries += 1) {
        const outcome = await writeOnce(connection, subject, text, options);
        if (outcome.kind === "written") return { kind: "written", revision: outcome.sequence };
        if (outcome.kind === "conflict" && !ambiguous) return { kind: "conflict" };
        if (outcome.kind === "conflict" || outcome.kind === "in_flight") {
          const there = await readRaw(key, Math.max(0, until - performance.now()));
          if (ambiguous && there !== undefined && sameText(there.data, text))
            return { kind: "written", revision: there.seq };
          if ((there?.seq ?? 0) !== expected) return { kind: "conflict" };
        } else if (outcome.kind === "unknown") {
          ambiguous = true;
        } else if (!isTransient(outcome.code)) {
          throw new BrokerError(outcome.code, outcome.message);
        }
        if (performance.now() >= until || (outcome.kind === "unknown" && outcome.why === "closed")) {
          throw new UnavailableError(`no clear answer to a write of ${key} in ${plan.name}`);
        }
        await pause(tries);
      }
    },
  };
}

const sameText = (base64: string | undefined, text: string): boolean =>
  base64 !== undefined && Buffer.from(base64, "base64").toString() === text;

/** Written by a delete, a purge or the end of a TTL. */
export const isMarker = (headers: string): boolean =>
  /^(KV-Operation: (DEL|PURGE)|Nats-Marker-Reason:)/im.test(headers);
