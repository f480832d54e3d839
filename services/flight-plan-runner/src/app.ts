import { dueAt, expiresAt } from "@jetmesh/lifecycle";
import { actionIdOfResume } from "@jetmesh/protocol";
import { guardSuspects, type RunningService, type ServiceContext } from "@jetmesh/service-kit";
import { ask, consumeQueue, createMeshStore, type Disposal, ensureError, type Queue } from "@jetmesh/storage";
import { answerQuestions } from "./answer-questions.ts";
import type { RunnerConfig } from "./config.ts";
import type { RunnerDeps } from "./deps.ts";
import { createFlightPlan } from "./flight-plan.ts";
import type { HeldAction } from "./held-action.ts";
import type { ActionKind } from "./kinds.ts";
import { keepPresence } from "./presence.ts";
import { bury, takeAction } from "./take-action.ts";

const NOT_NOW: Disposal = { kind: "retry", afterMs: 500 };

export async function startRunner(context: ServiceContext<RunnerConfig>): Promise<RunningService> {
  const { config, names, connection, clock, log } = context;
  const id = context.instance.replace("flight-plan-runner", "runner");
  const plans = createFlightPlan(config.JM_GRACE_MS);
  const own = {
    config,
    names,
    connection,
    store: createMeshStore(connection, names, { dueAt, expiresAt }),
    clock,
    log: log.child({ runner: id }),
    id,
    kinds: new Map<string, ActionKind>([[plans.name, plans]]),
    held: new Map<string, HeldAction>(),
    claiming: new Set<string>(),
    owed: new Set<Promise<void>>(),
  };
  // Answerable before it holds anything: a claim whose holder nobody can ask would look dead.
  const questions = answerQuestions(own);
  const presence = await keepPresence(own);
  const deps: RunnerDeps = { ...own, presence };
  const queues = new Map<string, Queue>();
  const onFree = (): void => {
    for (const queue of queues.values()) queue.poke();
  };
  for (const pool of config.JM_POOLS) {
    await makePool(deps, pool);
    queues.set(
      pool,
      consumeQueue(connection, {
        point: "resume.ack",
        stream: names.streams.resume,
        consumer: names.poolConsumer(pool),
        maxInFlight: config.JM_CONCURRENCY,
        // What the other pools are taking counts too, so that several pools share one limit.
        room: () => config.JM_CONCURRENCY - deps.held.size - takingElsewhere(queues, pool),
        handle: guardSuspects({
          marks: deps.store.suspects,
          clock,
          log: deps.log,
          // Hints come again under new sequences: it is the action that kills.
          nameOf: ({ subject, sequence }) => actionIdOfResume(subject) ?? String(sequence),
          // What was asked for before the presence was lost: it would be ended as soon as it begins.
          handle: (message) =>
            presence.isLost ? Promise.resolve(NOT_NOW) : takeAction(deps, message, onFree),
          bury: (message, reason) => bury(deps, message, "poison", reason),
        }),
        onProblem: (problem) => log.warn({ problem, pool }, "resumes"),
      }),
    );
  }
  return {
    details: () => ({
      runner: id,
      pools: config.JM_POOLS.join(","),
      capacity: config.JM_CONCURRENCY,
      load: deps.held.size,
    }),
    async drain() {
      await Promise.all([...queues.values()].map((queue) => queue.stop()));
      await finishHeld(deps);
      await Promise.all(deps.owed);
      await presence.stop();
      await questions.stop();
    },
  };
}

/** What runs may end by itself for most of the drain; the rest is ended, and taken over by others. */
async function finishHeld(deps: RunnerDeps): Promise<void> {
  const { held, config, log } = deps;
  const all = (): Promise<unknown> => Promise.all([...held.values()].map(({ ended }) => ended));
  const patience = Math.max(0, config.JM_DRAIN_MS - config.JM_GRACE_MS - 2_000);
  await Promise.race([all(), new Promise((resolve) => setTimeout(resolve, patience).unref())]);
  if (held.size === 0) return;
  log.warn({ held: held.size }, "ending what still runs");
  for (const action of held.values())
    action.abandon({ code: "runner_stopped", message: "the runner was stopped" });
  await all();
}

const takingElsewhere = (queues: ReadonlyMap<string, Queue>, pool: string): number =>
  [...queues].reduce((sum, [name, queue]) => (name === pool ? sum : sum + queue.inFlight), 0);

/** State-stores make the consumers; this one waits for one that is there, however long. */
async function makePool({ connection, names, log }: RunnerDeps, pool: string): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      const answer = await ask(connection, names.svc.of("state-store", "pool"), { v: 1, pool }, 5_000);
      if (answer.ok) return;
      log.warn({ pool, why: answer.error.message }, "a pool was not made");
    } catch (thrown) {
      if (connection.nc.isClosed()) throw thrown;
      if (tries % 20 === 5) log.warn({ pool, why: ensureError(thrown).message }, "waiting for a state-store");
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
