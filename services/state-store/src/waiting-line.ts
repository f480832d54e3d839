import type { Lane } from "@jetmesh/protocol";

/** One that waits for slots: since when, in which lane, and for which. */
export interface InLine {
  readonly id: string;
  readonly sinceMs: number;
  readonly lane: Lane;
  /** In the order in which they are taken. */
  readonly keys: readonly string[];
}

/**
 * Who waits for the slots of each key, who has waited longest first, where each lane counts for some time more than the next. A copy of what is in the headers of actions: the record of
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

/** By so much a lane goes before the next: a lower one that has waited for so long more is before it, so that nobody starves. */
const LANE_MS = 60_000;
const LANES_BEHIND: Readonly<Record<Lane, number>> = { high: 0, normal: 1, low: 2 };

/** As though it waited since then, in the high lane; never before it waits. */
export const rankOf = ({ sinceMs, lane }: Pick<InLine, "sinceMs" | "lane">): number =>
  sinceMs + LANES_BEHIND[lane] * LANE_MS;
/** No one that waits already has a rank behind this. */
export const lastRankAt = (now: number): number => now + LANES_BEHIND.low * LANE_MS;

const isBefore = (one: InLine, other: InLine): boolean => {
  const [rank, otherRank] = [rankOf(one), rankOf(other)];
  return rank === otherRank ? one.id < other.id : rank < otherRank;
};

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
