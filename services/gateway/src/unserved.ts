import type { ActionRecord } from "@jetmesh/protocol";
import { scanNewest } from "@jetmesh/storage";
import type { GatewayDeps } from "./deps.ts";

/** More runners than these are not looked through. */
const MOST_RUNNERS = 100_000;

/**
 * Whether an action waits for a runner, and none is present that would take it: of its pool, with its labels, that knows its
 * kind. Where that cannot be told it is not said.
 */
export async function isUnserved(
  { connection, names, store, log }: GatewayDeps,
  record: ActionRecord,
): Promise<boolean> {
  const { state, claim, pool, labels = [], kind, slots } = record;
  const mayBegin = state === "SLEEPING" && (slots === undefined || slots.granted !== undefined);
  if ((!mayBegin && state !== "IN_PROGRESS") || claim !== undefined) return false;
  try {
    const runners = await scanNewest(connection, names, names.buckets.runners, MOST_RUNNERS, ({ data }) => {
      const stored = store.runners.parse(data);
      return stored.kind === "record" ? stored.value : undefined;
    });
    return ![...runners.values()].some(
      (runner) =>
        runner.pools.includes(pool) &&
        runner.kinds.includes(kind) &&
        labels.every((label) => (runner.labels ?? []).includes(label)),
    );
  } catch (thrown) {
    log.warn({ err: thrown, action: record.id }, "not known whether a runner is there");
    return false;
  }
}
