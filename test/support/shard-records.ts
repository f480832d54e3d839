import { spawn } from "node:child_process";
import { join } from "node:path";
import { createNames } from "@jetmesh/protocol";
import { type Connection, readStream } from "@jetmesh/storage";
import { ROOT } from "./repository.ts";

/** What lies under a key of jets, actions or older steps, whichever stream holds it. */
export interface Held {
  readonly stream: string;
  readonly revision: number;
  readonly json: Record<string, unknown>;
  readonly headers: Readonly<Record<string, string>>;
  /** When it goes by itself, milliseconds. */
  readonly expiresAt: number | undefined;
}

/** Every record of jets, actions and older steps by its key, with what followers read of it; markers are left out. */
export async function recordsOf(connection: Connection, shards: number): Promise<Map<string, Held>> {
  const names = createNames("jm", shards);
  const found = new Map<string, Held>();
  const { jets, actions, steps } = names.buckets;
  for (const bucket of [jets, actions, steps].flatMap((one) => [...names.bucketsOf(one)])) {
    const stream = names.kvStream(bucket);
    await readStream(connection, stream, `$KV.${bucket}.>`, { most: 1_000_000 }, (message) => {
      const { headers, subject, seq } = message;
      if (headers?.has("Nats-Marker-Reason") === true || headers?.has("KV-Operation") === true) return "more";
      const key = `${bucket.replace(/_\d+$/, "")}/${subject.slice(names.kv(bucket, "").length)}`;
      // One that is rewritten meanwhile may be seen again, in its own stream.
      const other = found.get(key)?.stream ?? stream;
      if (other !== stream) throw new Error(`${key} lies in ${stream} and in ${other}`);
      const ttl = headers?.get("Nats-TTL") ?? "";
      found.set(key, {
        stream,
        revision: seq,
        json: message.json<Record<string, unknown>>(),
        headers: Object.fromEntries(
          [...(headers ?? [])]
            .filter(([name]) => name.startsWith("Jm-"))
            .map(([name, [value]]) => [name, value ?? ""]),
        ),
        expiresAt:
          ttl === "" ? undefined : message.info.timestampNanos / 1e6 + Number.parseInt(ttl, 10) * 1_000,
      });
      return "more";
    });
  }
  return found;
}

/** Everything that two of them differ in but for where it lies: nothing, where a mesh was resharded. */
export function differences(before: ReadonlyMap<string, Held>, after: ReadonlyMap<string, Held>): string[] {
  const found: string[] = [];
  for (const key of new Set([...before.keys(), ...after.keys()])) {
    const [was, is] = [before.get(key), after.get(key)];
    if (was === undefined || is === undefined) {
      found.push(`${key} is ${is === undefined ? "lost" : "new"}`);
      continue;
    }
    // A jet that was written once learns its incarnation as it goes.
    const json = was.json["incarnation"] === 0 ? { ...was.json, incarnation: was.revision } : was.json;
    if (JSON.stringify(json) !== JSON.stringify(is.json)) found.push(`${key} says something else`);
    if (JSON.stringify(was.headers) !== JSON.stringify(is.headers)) found.push(`${key} has other headers`);
    if (is.revision <= was.revision)
      found.push(`${key} went back from revision ${was.revision} to ${is.revision}`);
    const later = (is.expiresAt ?? 0) - (was.expiresAt ?? 0);
    if (later < 0 || later > 3_000) found.push(`${key} ends ${later} ms later`);
  }
  return found;
}

export interface CommandEnd {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
}

/** The command line, to its end, with an environment of its own. */
export function runJm(
  url: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CommandEnd> {
  const child = spawn(process.execPath, [join(ROOT, "packages/cli/src/main.ts"), "--url", url, ...args], {
    env: { PATH: process.env["PATH"] ?? "", ...env },
  });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  return new Promise((resolve) => child.once("close", (code, signal) => resolve({ code, signal, output })));
}
