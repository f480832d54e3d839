import { isDeepStrictEqual } from "node:util";
import type { Names, StepChunk } from "@jetmesh/protocol";
import { UnavailableError } from "./errors.ts";
import type { MeshStore } from "./mesh-store.ts";

interface Shelf {
  readonly names: Names;
  readonly store: MeshStore;
}

/**
 * Writes a chunk that nobody has written, or finds it written. "over": its workflow has ended, or repeats, and whoever
 * would write it holds it no more.
 */
export async function keepChunk({ names, store }: Shelf, chunk: StepChunk): Promise<"kept" | "over"> {
  const key = names.chunk(chunk.id, chunk.number);
  for (let expected = 0; ; ) {
    const written = await store.steps.swap(key, chunk, expected, {
      point: "steps.keep",
      deadlineMs: Number.POSITIVE_INFINITY,
    });
    if (written.kind === "written") return "kept";
    const there = await store.steps.get(key);
    if (there.kind === "record" && isDeepStrictEqual(there.value, chunk)) return "kept";
    if (there.kind === "record" && there.value.steps.length === 0) return "over";
    // Of another course of things: a store that was restored, or lost what it had acknowledged. No record names it.
    expected = there.kind === "absent" ? 0 : there.revision;
  }
}

/** A chunk, where it is there. */
export async function readChunk(
  { names, store }: Shelf,
  id: string,
  number: number,
): Promise<StepChunk | undefined> {
  const stored = await store.steps.get(names.chunk(id, number));
  return stored.kind === "record" ? stored.value : undefined;
}

const AT_ONCE = 32;
/** Lost races: others do the same at the same time, or a holder writes the chunk just now. */
const MOST_TRIES = 10;

/**
 * Gives a workflow's chunks, from a number up to another, a TTL. Where there is none an empty one takes the place, so that
 * a holder who has lost his claim and does not know leaves nothing for ever. Done again they count from then on.
 */
export async function retireChunks(
  { names, store }: Shelf,
  { id, attempt }: { readonly id: string; readonly attempt: number },
  { from, to }: { readonly from: number; readonly to: number },
  ttlMs: number,
): Promise<void> {
  let next = from;
  const retire = async (number: number): Promise<void> => {
    const key = names.chunk(id, number);
    const none = { v: 1 as const, id, number, attempt, mark: "", before: "", steps: [] };
    for (let tries = 0; tries < MOST_TRIES; tries += 1) {
      const there = await store.steps.get(key);
      const chunk = there.kind === "record" ? there.value : none;
      const revision = there.kind === "absent" ? 0 : there.revision;
      const written = await store.steps.swap(key, chunk, revision, { point: "steps.retire", ttlMs });
      if (written.kind === "written") return;
    }
    throw new UnavailableError(`others change ${key} again and again`);
  };
  const some = async (): Promise<void> => {
    while (next < to) await retire(next++);
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, to - from) }, some));
}
