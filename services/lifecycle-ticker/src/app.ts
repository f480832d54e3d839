import { ACTION_HEADERS } from "@jetmesh/protocol";
import type { RunningService, ServiceContext } from "@jetmesh/service-kit";
import { type Change, createMeshStore, follow, writeRepeatable } from "@jetmesh/storage";
import type { TickerConfig } from "./config.ts";
import { watchHolders } from "./holders.ts";
import { seekLeadership } from "./lease.ts";
import { createSchedule, SLOT_MS } from "./schedule.ts";

/**
 * Calls resume when an action is due: watcher frequency, delays, repeats, dead holders. It follows the headers of
 * the actions and never reads or writes one: a resume that is early, late or sent twice is judged by who takes
 * it, so the worst that a wrong tick does is a message.
 */
interface Followed {
  readonly state: string;
  readonly queue: string;
  readonly runner: string | undefined;
  /** Times that it was resumed without a change since; backs off, for a queue may have no runner. */
  resumed: number;
}

/** How often it looks at what has changed. */
const LOOK_MS = 100;
const MOST_A_TICK = 2_000;
/** A fresh action is resumed by who made it; only when that seems lost the ticker does. */
const FRESH_MS = 5_000;
/** The holder of a main that ran out of time ends it itself; only when it does not, others are asked. */
const HOLDER_MS = 1_000;
const AGAIN_MS = 5_000;
const MOST_AGAIN_MS = 300_000;

export async function startTicker({
  config,
  names,
  connection,
  clock,
  log,
  instance,
}: ServiceContext<TickerConfig>): Promise<RunningService> {
  const store = createMeshStore(connection, names);
  const actions = new Map<string, Followed>();
  const schedule = createSchedule();
  const onProblem = (problem: string): void => log.warn({ problem }, "following");

  const onChange = (change: Change): void => {
    const state = change.exists ? change.header(ACTION_HEADERS.state) : undefined;
    const due = change.header(ACTION_HEADERS.due);
    if (
      state === undefined ||
      state === "CLOSED" ||
      state === "REVERTED" ||
      state === "SUCCESS" ||
      state === "ERROR"
    ) {
      actions.delete(change.key);
      schedule.delete(change.key);
      return;
    }
    actions.set(change.key, {
      state,
      queue: change.header(ACTION_HEADERS.pool) ?? "default",
      runner: change.header(ACTION_HEADERS.runner),
      resumed: 0,
    });
    if (due === undefined) return schedule.delete(change.key);
    const at = Date.parse(due);
    const now = clock.now();
    const wasResumed = change.header(ACTION_HEADERS.waits) === undefined;
    if (state === "SLEEPING" && wasResumed && at <= now) schedule.set(change.key, now + FRESH_MS);
    else schedule.set(change.key, state === "EXECUTING_MAIN" ? at + HOLDER_MS : at);
  };
  const follower = follow(connection, names, {
    bucket: names.buckets.actions,
    everyMs: LOOK_MS,
    headersOnly: true,
    onChange,
    onProblem,
  });

  const resume = async (id: string): Promise<void> => {
    const action = actions.get(id);
    if (action === undefined) return;
    action.resumed += 1;
    schedule.set(id, clock.now() + Math.min(MOST_AGAIN_MS, AGAIN_MS * 2 ** (action.resumed - 1)));
    await writeRepeatable(
      connection,
      names.resume.of(action.queue, id),
      JSON.stringify({ v: 1, id }),
      { point: "resume.tick" },
      5_000,
    );
  };
  const resumeAll = async (ids: readonly string[]): Promise<void> => {
    const outcomes = await Promise.allSettled(ids.map(resume));
    const failed = outcomes.filter(({ status }) => status === "rejected").length;
    if (failed > 0) log.warn({ failed }, "resumes not sent; they are sent again");
  };

  const leadership = seekLeadership({
    store,
    clock,
    role: "lifecycle-ticker",
    holder: instance,
    ttlMs: config.JM_LEASE_TTL_MS,
    onChange: (isLeader) => log.info({ isLeader }, "leadership changed"),
  });

  let ticking = Promise.resolve();
  let isTicking = false;
  const timer = setInterval(() => {
    if (isTicking || !leadership.isLeader || !follower.isReady || connection.connectedSince() === undefined)
      return;
    const due = schedule.take(clock.now(), MOST_A_TICK);
    if (due.length === 0) return;
    isTicking = true;
    ticking = resumeAll(due).finally(() => (isTicking = false));
  }, SLOT_MS);

  const holders = watchHolders({
    connection,
    names,
    isLeader: () => leadership.isLeader,
    heldBy: () => {
      const runners = new Set<string>();
      for (const { runner } of actions.values()) if (runner !== undefined) runners.add(runner);
      return runners;
    },
    presenceIsGone: async (runner) => (await store.runners.get(runner)).kind !== "record",
    onSilent: (runner) => {
      const ids = [...actions].filter(([, action]) => action.runner === runner).map(([id]) => id);
      log.info({ runner, actions: ids.length }, "a runner does not answer: resuming what it holds");
      void resumeAll(ids.slice(0, MOST_A_TICK));
    },
  });
  await follower.ready;

  return {
    details: () => ({ isLeader: leadership.isLeader, openActions: actions.size, scheduled: schedule.size }),
    async drain() {
      clearInterval(timer);
      holders.stop();
      await ticking;
      await Promise.all([leadership.stop(), follower.stop()]);
    },
  };
}
