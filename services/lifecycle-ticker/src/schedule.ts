/**
 * When each action is to be resumed next, in slots: adding and moving cost the same however many actions there are, and
 * each takes some hundred bytes. A tick that nothing is due at looks at one number.
 */
export interface Schedule {
  /** Milliseconds; replaces what was there. */
  set(id: string, at: number): void;
  delete(id: string): void;
  /** Takes all that is due by then, at most `most`; what is left over comes with the next call. */
  take(now: number, most: number): string[];
  readonly size: number;
}

/** How late an action may be. In wider ones what falls due comes in bursts, each behind the last of which much waits. */
export const SLOT_MS = 50;

export function createSchedule(): Schedule {
  const slotOf = new Map<string, number>();
  const slots = new Map<number, Set<string>>();
  /** The slots that there are, the earliest first, and some that are empty by now. */
  const queue = createQueue();

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
      if (members !== undefined) return void members.add(id);
      slots.set(slot, new Set([id]));
      queue.push(slot);
    },
    delete: remove,
    take(now, most) {
      const taken: string[] = [];
      for (let slot = queue.first(); slot !== undefined && slot * SLOT_MS <= now; slot = queue.first()) {
        for (const id of slots.get(slot) ?? []) {
          if (taken.length >= most) return taken;
          taken.push(id);
          remove(id);
        }
        queue.shift();
      }
      return taken;
    },
  };
}

/** Numbers, the least first: a binary heap. */
function createQueue(): { push(value: number): void; first(): number | undefined; shift(): void } {
  const heap: number[] = [];
  const at = (index: number): number => heap[index] ?? Number.POSITIVE_INFINITY;
  const swap = (a: number, b: number): void => {
    [heap[a], heap[b]] = [at(b), at(a)];
  };
  return {
    first: () => heap[0],
    push(value) {
      let index = heap.push(value) - 1;
      for (let above = (index - 1) >> 1; index > 0 && at(above) > at(index); above = (index - 1) >> 1) {
        swap(above, index);
        index = above;
      }
    },
    shift() {
      const last = heap.pop();
      if (last === undefined || heap.length === 0) return;
      heap[0] = last;
      for (let index = 0; ; ) {
        const left = 2 * index + 1;
        const least = at(left + 1) < at(left) ? left + 1 : left;
        if (at(least) >= at(index)) return;
        swap(least, index);
        index = least;
      }
    },
  };
}
