import { setTimeout as sleep } from "node:timers/promises";
import type { ActionRecord } from "@jetmesh/protocol";
import type { Asks } from "./asks.ts";
import { MeshError } from "./mesh-error.ts";

const FIRST_LOOK_MS = 20;
/** However long it takes, somebody waits who wants to know soon. */
const MOST_BETWEEN_LOOKS_MS = 500;

/** Asks by the id, less and less often: that works whoever triggered it, and also after a restart of this program. */
export async function untilEnded(client: Asks, id: string, timeoutMs = 60_000): Promise<ActionRecord> {
  const deadline = performance.now() + timeoutMs;
  for (let pause = FIRST_LOOK_MS; ; pause = Math.min(pause * 2, MOST_BETWEEN_LOOKS_MS)) {
    const record = await client.request<ActionRecord>("action.get", { id });
    if (record.outcome !== undefined) return record;
    if (performance.now() + pause > deadline)
      throw new MeshError("wait_timeout", `action ${id} has not ended in ${timeoutMs} ms; it goes on`);
    await sleep(pause);
  }
}
