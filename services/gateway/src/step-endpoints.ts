import type { RequestOf, WorkflowStep } from "@jetmesh/protocol";
import { RefusedError } from "@jetmesh/service-kit";
import { readChunk } from "@jetmesh/storage";
import { readAction } from "./action-endpoints.ts";
import type { GatewayDeps } from "./deps.ts";
import type { Page } from "./pages.ts";

/** A page ends with the chunk in which it reaches this: a reply must fit a message. */
const MOST_BYTES = 200 * 1024;

/**
 * All steps of a workflow's attempt: those that have ended in the order of their ends, then the others. The older ones lie in
 * chunks (ADR 0035), the rest in its record; a cursor is a chunk's number and a place in it, which stays what it is while the
 * workflow goes on.
 */
export async function listSteps(
  deps: GatewayDeps,
  user: string,
  { id, cursor, limit }: RequestOf<"action.steps">,
): Promise<Page<WorkflowStep>> {
  const { older, steps = [] } = await readAction(deps, user, id);
  const { first = 0, next = 0 } = older ?? {};
  let { number, place } = cursor === undefined ? { number: first, place: 0 } : decodeCursor(cursor);
  // Of an attempt before: from the begin of this one.
  if (number < first) [number, place] = [first, 0];
  const items: WorkflowStep[] = [];
  for (let bytes = 0; ; ) {
    const isLast = number >= next;
    const chunk = isLast ? inOrder(steps) : ((await readChunk(deps, id, number))?.steps ?? gone(id));
    const more = chunk.slice(place, place + limit - items.length);
    items.push(...more);
    place += more.length;
    bytes += JSON.stringify(more).length;
    if (place >= chunk.length) {
      if (isLast) return { items };
      [number, place] = [number + 1, 0];
    }
    if (items.length >= limit || bytes >= MOST_BYTES)
      return { items, cursor: `${String(number)}.${String(place)}` };
  }
}

function inOrder(steps: readonly WorkflowStep[]): WorkflowStep[] {
  const orderOf = ({ end }: WorkflowStep): number => end?.order ?? Number.MAX_SAFE_INTEGER;
  return steps.toSorted((a, b) => orderOf(a) - orderOf(b));
}

function gone(id: string): never {
  throw new RefusedError("unknown_run", `the older steps of action ${id} are gone`);
}

function decodeCursor(cursor: string): { number: number; place: number } {
  const [, number, place] = /^(\d{1,9})\.(\d{1,9})$/.exec(cursor) ?? [];
  if (number === undefined || place === undefined)
    throw new RefusedError("invalid_request", "the cursor is none that was given out");
  return { number: Number(number), place: Number(place) };
}
