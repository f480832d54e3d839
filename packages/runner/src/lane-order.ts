import { LANES, type Lane } from "@jetmesh/protocol";

/**
 * In which order a runner that was full looks into its lanes: the higher first. Of eight turns one begins with the lower, and
 * of these with the one that has gone without for longest, so that each gets something of what it waits for.
 */
export interface Turns {
  readonly turn: number;
  /** The last turn in which something of it was taken. */
  readonly taken: Readonly<Record<Lane, number>>;
}

export const FIRST_TURN: Turns = { turn: 1, taken: { high: 0, normal: 0, low: 0 } };
const EVERY = 8;

export function orderOf({ turn, taken }: Turns): readonly Lane[] {
  if (turn % EVERY !== 0) return LANES;
  const [highest, ...lower] = LANES;
  return [...lower.toSorted((a, b) => taken[a] - taken[b]), highest];
}

/** One in which nothing was taken is none. */
export const nextTurn = ({ turn, taken }: Turns, of: ReadonlySet<Lane>): Turns =>
  of.size === 0
    ? { turn, taken }
    : {
        turn: turn + 1,
        taken: { ...taken, ...Object.fromEntries([...of].map((lane) => [lane, turn])) },
      };
