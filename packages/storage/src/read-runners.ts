import type { Names, RunnerPresence } from "@jetmesh/protocol";
import type { Connection } from "./connection.ts";
import type { MeshStore } from "./mesh-store.ts";
import { scanNewest } from "./scan-newest.ts";

/** More than these are not looked through. */
const MOST_RUNNERS = 100_000;

/** All runners that are present, as each says of itself. */
export async function readRunners(
  connection: Connection,
  names: Names,
  store: MeshStore,
): Promise<RunnerPresence[]> {
  const found = await scanNewest(connection, names, names.buckets.runners, MOST_RUNNERS, ({ data }) => {
    const stored = store.runners.parse(data);
    return stored.kind === "record" ? stored.value : undefined;
  });
  return [...found.values()];
}
