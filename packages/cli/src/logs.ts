import { setTimeout as sleep } from "node:timers/promises";
import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord, LogsReply } from "@jetmesh/protocol";
import type { MeshContext } from "./command-context.ts";

type LogChunk = LogsReply["items"][number];

const LOOK_EVERY_MS = 300;

/** Prints what there is; with `follow` also what comes, until the action has ended, each as it comes. */
export async function printLogs(
  { client, settings, output }: MeshContext,
  id: string,
  follow: boolean,
): Promise<void> {
  const { timeoutMs } = settings;
  const items: unknown[] = [];
  const print = (chunk: LogChunk): void => {
    const { data, ...rest } = chunk;
    const bytes = Buffer.from(data, "base64");
    if (!output.isJson) return output.raw(bytes);
    const shown = { ...rest, text: bytes.toString() };
    if (follow) output.event(shown, "");
    else items.push(shown);
  };
  let after = 0;
  for (;;) {
    // Asked before the logs: what it printed until it ended is there when they are read.
    const hasEnded =
      !follow || (await client.request<ActionRecord>("action.get", { id }, timeoutMs)).outcome !== undefined;
    after = await readLogs(client, id, { after, timeoutMs }, print);
    if (hasEnded) break;
    await sleep(LOOK_EVERY_MS);
  }
  if (!follow) output.result({ items }, () => []);
}

/** Everything from a place on; gives the place to go on from. */
export async function readLogs(
  client: MeshClient,
  id: string,
  { after, timeoutMs }: { after: number; timeoutMs?: number | undefined },
  visit: (chunk: LogChunk) => void,
): Promise<number> {
  for (let place = after; ; ) {
    const { items, next } = await client.request<LogsReply>("action.logs", { id, after: place }, timeoutMs);
    items.forEach(visit);
    if (items.length === 0) return next;
    place = next;
  }
}
