import { toMs } from "@jetmesh/lifecycle";
import { SCHEDULE_PATTERN, ScheduleRecord, scheduleOfKey } from "@jetmesh/protocol";
import { follow, parseJson } from "@jetmesh/storage";
import { arm, armedFor } from "./arm-schedule.ts";
import type { Deps } from "./deps.ts";
import { fireSchedule } from "./fire-schedule.ts";
import type { LookedAfter } from "./repair.ts";

/**
 * Looks after schedules: what was due a while ago and nobody has seen to, what somebody left half done, and whether the
 * broker keeps the hint for what is due next. Costs a read for each change that a schedule rests on, and nothing else.
 */
export interface ScheduleWatch extends LookedAfter {
  readonly ready: Promise<void>;
  stop(): Promise<void>;
}

/** Younger than this it is most likely on its way. */
const STILL_MS = 1_500;

interface Seen {
  readonly next: string | undefined;
  readonly isFiring: boolean;
  /** When it was seen; afterwards when it was tried last. */
  since: number;
  /** Whether the broker was seen to keep the hint for `next`. */
  isArmed: boolean;
}

export function watchSchedules(deps: Deps): ScheduleWatch {
  const { connection, names, clock, log } = deps;
  const seen = new Map<string, Seen>();
  const follower = follow(connection, names, {
    bucket: names.buckets.definitions,
    keys: SCHEDULE_PATTERN,
    onProblem: (problem) => log.warn({ problem }, "following schedules"),
    onChange: ({ key, exists, data }) => {
      const schedule = scheduleOfKey(key);
      seen.delete(schedule);
      if (!exists) return;
      const { next, firing } = ScheduleRecord.parse(parseJson(data));
      const isFiring = firing !== undefined;
      if (next !== undefined || isFiring)
        seen.set(schedule, { next, isFiring, since: performance.now(), isArmed: false });
    },
  });

  const fire = async (schedule: string): Promise<void> => {
    log.info({ schedule }, "seeing to a schedule that was left");
    await fireSchedule(deps, schedule);
  };
  const check = async (schedule: string, at: Seen): Promise<void> => {
    const { next } = at;
    if (next === undefined) return;
    if ((await armedFor(deps, schedule)) !== next && seen.get(schedule) === at) {
      log.info({ schedule, next }, "arming a schedule that was left");
      await arm(deps, schedule, next);
    }
    at.isArmed = true;
  };

  return {
    ready: follower.ready,
    get isReady() {
      return follower.isReady;
    },
    due(most) {
      // While runners do not keep up nothing is begun.
      if (deps.pressure.isHigh) return [];
      const tasks: (() => Promise<void>)[] = [];
      const before = performance.now() - STILL_MS;
      const late = clock.now() - STILL_MS;
      for (const [schedule, at] of seen) {
        if (tasks.length >= most) break;
        if (at.since >= before) continue;
        const isLate = at.next !== undefined && toMs(at.next) <= late;
        if (!at.isFiring && !isLate && at.isArmed) continue;
        at.since = performance.now();
        tasks.push(() => (at.isFiring || isLate ? fire(schedule) : check(schedule, at)));
      }
      return tasks;
    },
    stop: () => follower.stop(),
  };
}
