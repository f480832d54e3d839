/** One that waits for slots: since when, and for which. */
export interface InLine {
  readonly id: string;
  readonly sinceMs: number;
  /** In the order in which they are taken. */
  readonly keys: readonly string[];
}

/**
 * Who waits for the slots of each key, who has waited longest first. A copy of what is in the headers of actions: the record of
 * each says that it waits, so that nothing of this can be lost, or be left behind.
 */
export interface WaitingLine {
  readonly size: number;
  get(id: string): InLine | undefined;
  /** Takes the place of what was there of that id. */
  set(one: InLine): void;
  delete(id: string): InLine | undefined;
  of(key: string): readonly InLine[];
  keys(): string[];
}

export function createWaitingLine(): WaitingLine {
  const all = new Map<string, InLine>();
  const lines = new Map<string, InLine[]>();

  const remove = (id: string): InLine | undefined => {
    const one = all.get(id);
    if (one === undefined) return undefined;
    all.delete(id);
    for (const key of one.keys) {
      const line = lines.get(key) ?? [];
      const at = placeOf(line, one);
      if (line[at]?.id === id) line.splice(at, 1);
      if (line.length === 0) lines.delete(key);
    }
    return one;
  };

  return {
    get size() {
      return all.size;
    },
    get: (id) => all.get(id),
    set(one) {
      const is = all.get(one.id);
      if (is?.sinceMs === one.sinceMs) return;
      remove(one.id);
      all.set(one.id, one);
      for (const key of one.keys) {
        const line = lines.get(key);
        if (line === undefined) lines.set(key, [one]);
        else line.splice(placeOf(line, one), 0, one);
      }
    },
    delete: remove,
    of: (key) => lines.get(key) ?? [],
    keys: () => [...lines.keys()],
  };
}

const isBefore = (one: InLine, other: InLine): boolean =>
  one.sinceMs === other.sinceMs ? one.id < other.id : one.sinceMs < other.sinceMs;

/** Where it is, or belongs, by halves. */
function placeOf(line: readonly InLine[], one: InLine): number {
  let [from, to] = [0, line.length];
  while (from < to) {
    const middle = (from + to) >> 1;
    const there = line[middle];
    if (there !== undefined && isBefore(there, one)) from = middle + 1;
    else to = middle;
  }
  return from;
}
