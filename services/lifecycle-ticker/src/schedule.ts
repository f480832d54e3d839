/**
 * When each action is to be resumed next, in slots of a quarter of a second: adding, moving and taking what is
 * due cost the same however many actions there are, and each takes some hundred bytes.
 */
export interface Schedule {
  /** Milliseconds; replaces what was there. */
  set(id: string, at: number): void;
  delete(id: string): void;
  /** Takes all that is due by then, at most `most`; what is left over comes with the next call. */
  take(now: number, most: number): string[];
  readonly size: number;
}

const SLOT_MS = 250;

export function createSchedule(): Schedule {
  const slotOf = new Map<string, number>();
  const slots = new Map<number, Set<string>>();

  const remove = (id: string): void => {
    const slot = slotOf.get(id);
    if (slot === undefined) return;
    slotOf.delete(id);
    const members = slots.get(slot);
    members?.delete(id);
    if (members?.size === 0) slots.delete(slot);
  };

  return {
    get size() {
      return slotOf.size;
    },
    set(id, at) {
      remove(id);
      // Up, never down: an action is resumed late by up to a slot rather than before it is due.
      const slot = Math.ceil(at / SLOT_MS);
      slotOf.set(id, slot);
      const members = slots.get(slot);
      if (members === undefined) slots.set(slot, new Set([id]));
      else members.add(id);
    },
    delete: remove,
    take(now, most) {
      const taken: string[] = [];
      for (const slot of [...slots.keys()].sort((a, b) => a - b)) {
        if (slot * SLOT_MS > now) break;
        for (const id of slots.get(slot) ?? []) {
          if (taken.length >= most) return taken;
          taken.push(id);
          remove(id);
        }
      }
      return taken;
    },
  };
}
