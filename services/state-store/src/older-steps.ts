import { chunksOf } from "@jetmesh/lifecycle";
import type { ActionRecord } from "@jetmesh/protocol";
import { retireChunks } from "@jetmesh/storage";
import type { Deps } from "./deps.ts";

/** Between the chunks' last write and the record's own. */
const SLACK_MS = 5_000;
/** A rollback that no runner carries out for longer has lost what it would undo. */
const REVERTING_MS = 30 * 86_400_000;

/**
 * Gives the older steps of a workflow a little more than the TTL that its record is given next (ADR 0035). Before that: behind
 * the write with the TTL nobody looks at the record again.
 */
export async function retireOlder(deps: Deps, record: ActionRecord, ttlMs: number): Promise<void> {
  const chunks = chunksOf(record);
  if (chunks.to > chunks.from) await retireChunks(deps, record, chunks, ttlMs + SLACK_MS);
}

/** They outlast a rollback, which needs them all, and go by themselves if that is never begun. */
export const keepForRollback = (deps: Deps, record: ActionRecord): Promise<void> =>
  record.state === "CLOSED" ? retireOlder(deps, record, REVERTING_MS) : Promise.resolve();
