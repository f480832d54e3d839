import { type ActionRecord, isServedBy } from "@jetmesh/protocol";
import { readRunners } from "@jetmesh/storage";
import type { GatewayDeps } from "./deps.ts";

/**
 * Whether an action waits for a runner, and none is present that would take it: of its pool, with its labels, that knows its
 * kind. Where that cannot be told it is not said.
 */
export async function isUnserved(
  { connection, names, store, log }: GatewayDeps,
  record: ActionRecord,
): Promise<boolean> {
  const { state, claim, kind, slots } = record;
  const mayBegin = state === "SLEEPING" && (slots === undefined || slots.granted !== undefined);
  if ((!mayBegin && state !== "IN_PROGRESS") || claim !== undefined) return false;
  try {
    const runners = await readRunners(connection, names, store);
    return !runners.some((runner) => isServedBy(record, runner) && runner.kinds.includes(kind));
  } catch (thrown) {
    log.warn({ err: thrown, action: record.id }, "not known whether a runner is there");
    return false;
  }
}
