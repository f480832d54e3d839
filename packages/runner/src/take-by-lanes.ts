import { type Lane, parseQueue } from "@jetmesh/protocol";
import type { Queue } from "@jetmesh/storage";
import { FIRST_TURN, nextTurn, orderOf } from "./lane-order.ts";

/**
 * Which queue of a runner is asked next. As long as the runner has room all are asked ahead, for whatever waits begins at once. One
 * with lanes that was full takes by turns, lane by lane, what is there by then, until nothing waits any more.
 */
export interface LaneTaker {
  /** Something may wait that goes before what is offered now. */
  readonly isByTurns: boolean;
  /** One more queue is served. */
  add(name: string, queue: Queue): void;
  /** There is more room than there was; `wasFull`: and before there was none. */
  onRoom(wasFull: boolean): void;
  /** Whether what comes is more than there is room for, as what was asked for before others filled the runner. */
  givesBack(): boolean;
  mayAskAhead(): boolean;
}

export function takeByLanes(free: () => number): LaneTaker {
  const queues: { readonly lane: Lane; readonly queue: Queue }[] = [];
  let hasLanes = false;
  let wasFull = false;
  let isTaking = false;
  /** How often it was told that there may be room. */
  let asks = 0;
  let turns = FIRST_TURN;

  const takeTurn = async (): Promise<void> => {
    const taken = new Set<Lane>();
    for (const lane of orderOf(turns)) {
      const ofLane = queues.filter((one) => one.lane === lane);
      for (let at = 0; at < ofLane.length && free() > 0; at += 1) {
        // Another one first each time, for the first may fill the runner.
        const came = await ofLane[(at + turns.turn) % ofLane.length]?.queue.takeNow();
        if (came !== undefined && came > 0) taken.add(lane);
      }
    }
    turns = nextTurn(turns, taken);
  };
  const takeAll = async (): Promise<void> => {
    asks += 1;
    if (isTaking) return;
    isTaking = true;
    try {
      for (let seen = 0; seen !== asks && free() > 0; ) {
        seen = asks;
        await takeTurn();
      }
    } finally {
      isTaking = false;
    }
    // Where room is left nothing waits.
    if (free() > 0) wasFull = false;
    if (!wasFull) for (const { queue } of queues) queue.poke();
  };
  const isByTurns = (): boolean => hasLanes && wasFull;

  return {
    get isByTurns() {
      return isByTurns();
    },
    add(name, queue) {
      const lane = parseQueue(name)?.lane ?? "normal";
      queues.push({ lane, queue });
      hasLanes ||= lane !== "normal";
    },
    onRoom(was) {
      wasFull ||= was;
      if (isByTurns()) void takeAll();
      else for (const { queue } of queues) queue.poke();
    },
    givesBack() {
      const isTooMuch = hasLanes && free() < 0;
      wasFull ||= isTooMuch;
      return isTooMuch;
    },
    mayAskAhead() {
      if (!isByTurns()) return true;
      void takeAll();
      return false;
    },
  };
}
