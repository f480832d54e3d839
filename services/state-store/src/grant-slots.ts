import { decideAction } from "@jetmesh/lifecycle";
import type { ActionAt, Deps } from "./deps.ts";
import { followUp } from "./follow-up.ts";

const MAX_TRIES = 10;

interface Granted {
  /** It cannot begin yet, and has its slots. */
  readonly isWaiting: boolean;
  /** It has ended: its slots are to be freed. */
  readonly isOver: boolean;
}

/**
 * Says in the record of an action that it has all of its slots, and has it resumed. Two who do so at once write it once; one that
 * has ended meanwhile is not begun any more.
 */
export async function grantSlots(deps: Deps, id: string, given: ActionAt | undefined): Promise<Granted> {
  let at = given;
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    at ??= await read(deps, id);
    if (at === undefined) return { isWaiting: false, isOver: true };
    const { record, revision } = at;
    const decision = decideAction(record, { type: "granted" }, deps.clock.now());
    if (decision.kind !== "write")
      return {
        isWaiting: decision.kind === "unchanged" && decision.why === "not_due",
        // Whoever ends it frees them as well.
        isOver: decision.kind === "unchanged" && decision.why === "ended",
      };
    const text = JSON.stringify(decision.next);
    const written = await deps.store.actions.swap(id, decision.next, revision, {
      point: "action.grant",
      text,
    });
    if (written.kind === "conflict") {
      at = undefined;
      continue;
    }
    deps.pressure.noteHandedOn();
    await followUp(deps, { record: decision.next, revision: written.revision }, decision.effects, text);
    return { isWaiting: false, isOver: false };
  }
  return { isWaiting: true, isOver: false };
}

async function read({ store }: Deps, id: string): Promise<ActionAt | undefined> {
  const stored = await store.actions.get(id);
  if (stored.kind === "unreadable")
    throw new Error(`the record of action ${id} cannot be read: ${stored.why}`);
  return stored.kind === "record" ? { record: stored.value, revision: stored.revision } : undefined;
}
