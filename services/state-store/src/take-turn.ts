import { holds, type Turn, type Waiter } from "@jetmesh/lifecycle";
import type { KeySlots } from "@jetmesh/protocol";
import { UnavailableError } from "@jetmesh/storage";

/** The slots of a key and the revision that they were read at: never one without the other. */
export interface SlotsAt {
  readonly slots: KeySlots;
  readonly revision: number;
}

/** What a turn of a key has of the world. Whatever it waits for, what is known and who is to be freed may be another behind it. */
export interface TurnDeps<W extends Waiter, Numbers, Freeing extends { keys(): Iterable<string> }> {
  readonly known: () => SlotsAt;
  readonly freeing: () => Freeing;
  /** The record as the leader has it. */
  readonly reload: () => Promise<void>;
  readonly numbers: () => Promise<Numbers>;
  readonly plan: (slots: KeySlots, freeing: Freeing, numbers: Numbers) => Turn<W>;
  /** Whether its record is known as it is now. */
  readonly isSure: (id: string) => boolean;
  /** Takes it out of the line where its record says that it does not wait. */
  readonly lookAt: (id: string) => Promise<void>;
  /** Other keys of which those that are served have no slot yet, as far as is known. */
  readonly othersOf: (served: readonly W[]) => readonly string[];
  readonly lookAtOther: (key: string) => Promise<void>;
  /** By compare-and-swap; false where somebody else was first. */
  readonly write: (next: KeySlots, revision: number, isTaken: boolean) => Promise<boolean>;
}

const MAX_TRIES = 20;

/**
 * One turn of a key: who is freed goes out, who comes next goes in. What is written was planned from what was read at the revision
 * that it is written over: nothing is waited for between the two, or what was heard meanwhile is forgotten, and so are its holders.
 */
export async function takeTurn<W extends Waiter, Numbers, Freeing extends { keys(): Iterable<string> }>(
  key: string,
  deps: TurnDeps<W, Numbers, Freeing>,
): Promise<{ readonly turn: Turn<W>; readonly freed: Freeing }> {
  const looked = new Set<string>();
  for (let tries = 0, isFresh = false, areOthersFresh = false; tries < MAX_TRIES; tries += 1) {
    if (isFresh) await deps.reload();
    const numbers = await deps.numbers();
    const { slots, revision } = deps.known();
    const freed = deps.freeing();
    // Somebody else may have let it in: the leader knows.
    if (!isFresh && [...freed.keys()].some((id) => !holds(slots, id))) {
      isFresh = true;
      continue;
    }
    const turn = deps.plan(slots, freed, numbers);
    const unsure = turn.served.filter(({ id }) => !looked.has(id) && !deps.isSure(id));
    if (unsure.length > 0) {
      for (const { id } of unsure) looked.add(id);
      await Promise.all(unsure.map(({ id }) => deps.lookAt(id)));
      continue;
    }
    // Whoever takes one of several looks at the others again, for what this process has heard of them may be old.
    const others = areOthersFresh ? [] : deps.othersOf(turn.served);
    if (others.length > 0) {
      areOthersFresh = true;
      await Promise.all(others.map(deps.lookAtOther));
      continue;
    }
    const isChanged = turn.next !== slots;
    if (isChanged && !(await deps.write({ ...slots, ...turn.next }, revision, turn.served.length > 0))) {
      isFresh = true;
      continue;
    }
    return { turn, freed };
  }
  throw new UnavailableError(`the slots of '${key}' are changed too often just now`);
}
