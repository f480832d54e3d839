import type { ActionRecord, OlderSteps, StepChunk } from "@jetmesh/protocol";
import {
  BrokerError,
  ensureError,
  keepChunk,
  readChunk,
  retireChunks,
  UnavailableError,
} from "@jetmesh/storage";
import type { RunnerDeps } from "./deps.ts";
import type { HeldAction } from "./held-action.ts";
import { ClaimLostError, type Shelf, StepsLostError } from "./kinds.ts";

const AT_ONCE = 32;
const AGAIN_MS = 250;
/** Of chunks that are not there, before that is believed. */
const MOST_READS = 6;
const READ_AGAIN_MS = 1_000;
/** Chunks of an attempt that is over: until whoever held it without knowing that it is over is over as well. */
const LEFT_MS = 86_400_000;

/** The older steps of a workflow that this runner holds (ADR 0035). */
export function createShelf(deps: RunnerDeps, held: HeldAction): Shelf {
  const { id, attempt, older } = held.record;
  const insist = async <T>(ask: () => Promise<T>): Promise<T> => {
    for (;;) {
      if (held.isLost || held.canceled !== undefined)
        throw new ClaimLostError("it was canceled or its claim was lost while its steps were read or kept");
      try {
        return await ask();
      } catch (thrown) {
        if (!(thrown instanceof UnavailableError) || deps.connection.nc.isClosed()) throw thrown;
        deps.log.warn({ action: id, why: ensureError(thrown).message }, "waiting for older steps");
      }
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  };

  return {
    async load() {
      if (older === undefined || older.next === older.first) return [];
      for (let tries = 0; tries < MOST_READS; tries += 1) {
        // What this process has kept may be of another course of things; and a leader that others have left, and that
        // does not know yet, may not have what was written last.
        if (tries > 1) await new Promise((resolve) => setTimeout(resolve, READ_AGAIN_MS));
        const found = await readAll(deps, id, older, insist, tries === 0);
        if (areOf(older, found)) return found.flatMap((chunk) => chunk?.steps ?? []);
      }
      throw new StepsLostError(
        `of ${String(older.steps)} older steps some are not where they were kept, or are those of another record`,
      );
    },
    async keep(chunks) {
      try {
        for (const outcome of await Promise.all(chunks.map((chunk) => insist(() => keepChunk(deps, chunk)))))
          if (outcome === "over") throw new ClaimLostError("its workflow has ended or repeats");
      } catch (thrown) {
        if (!(thrown instanceof BrokerError)) throw thrown;
        deps.log.warn({ err: thrown, action: id }, "older steps stay in their record");
        return false;
      }
      for (const chunk of chunks) deps.chunks.keep(deps.names.chunk(id, chunk.number), chunk);
      return true;
    },
    async dropLeft() {
      if (older === undefined || older.from === older.first) return;
      const { from, first: to } = older;
      await insist(() => retireChunks(deps, { id, attempt }, { from, to }, LEFT_MS));
    },
  };
}

type Found = readonly (StepChunk | undefined)[];

async function readAll(
  deps: RunnerDeps,
  id: ActionRecord["id"],
  { first, next }: OlderSteps,
  insist: <T>(ask: () => Promise<T>) => Promise<T>,
  fromMemory: boolean,
): Promise<Found> {
  const found: (StepChunk | undefined)[] = Array.from({ length: next - first });
  const places = found.keys();
  const read = async (): Promise<void> => {
    for (const place of places) {
      const number = first + place;
      const key = deps.names.chunk(id, number);
      const known = fromMemory ? deps.chunks.get(key) : undefined;
      const chunk = known ?? (await insist(() => readChunk(deps, id, number)));
      if (chunk !== undefined && known === undefined) deps.chunks.keep(key, chunk);
      found[place] = chunk;
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, found.length) }, read));
  return found;
}

/** Whether they are the ones that the record names: each has the mark of the one before it, the last the record's. */
function areOf({ mark, steps }: OlderSteps, found: Found): boolean {
  let expected = mark;
  for (const chunk of found.toReversed()) {
    if (chunk?.mark !== expected) return false;
    expected = chunk.before;
  }
  return expected === "" && found.reduce((sum, chunk) => sum + (chunk?.steps.length ?? 0), 0) === steps;
}
