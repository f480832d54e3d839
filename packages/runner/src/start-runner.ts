import { dueAt, expiresAt } from "@jetmesh/lifecycle";
import { actionIdOfResume, type SvcRequest } from "@jetmesh/protocol";
import { guardSuspects, type RunningService, type ServiceContext } from "@jetmesh/service-kit";
import {
  ask,
  consumeQueue,
  createMeshStore,
  type Disposal,
  ensureError,
  type Queue,
  type QueueMessage,
  watchAcks,
} from "@jetmesh/storage";
import { answerOffers } from "./answer-offers.ts";
import { answerQuestions } from "./answer-questions.ts";
import { createChunkCache } from "./chunk-cache.ts";
import type { RunnerConfig } from "./config.ts";
import type { RunnerDeps } from "./deps.ts";
import type { HeldAction } from "./held-action.ts";
import type { ActionKind } from "./kinds.ts";
import { keepPresence, type Lease } from "./presence.ts";
import { answerReseals, keyRequest, sealKeysOf } from "./seal-keys.ts";
import { followQueues } from "./served-queues.ts";
import { bury, takeAction } from "./take-action.ts";
import { takeByLanes } from "./take-by-lanes.ts";

/** Of older steps of workflows, as JSON: some eighty thousand steps without results. */
const MOST_CHUNK_BYTES = 16 * 1024 * 1024;
/** How long a runner waits for the mesh to know its key. */
const KEY_MS = 2_000;
const NOT_NOW: Disposal = { kind: "retry", afterMs: 500 };
/** For whoever has room, or for this one when it has some again. */
const GIVEN_BACK: Disposal = { kind: "retry", afterMs: 0 };

/** What makes one runner differ from another. */
export interface RunnerParts {
  readonly kinds: readonly ActionKind[];
  /** What ends the processes of a runner that hangs: told how long it may be without a renewal, and of each. */
  readonly lease?: Lease;
}

export async function startRunner(
  context: ServiceContext<RunnerConfig>,
  { kinds, lease }: RunnerParts,
): Promise<RunningService> {
  const { config, names, connection, clock, log } = context;
  const id = context.instance.replace("flight-plan-runner", "runner");
  const own = {
    config,
    names,
    connection,
    store: createMeshStore(connection, names, { dueAt, expiresAt }),
    clock,
    log: log.child({ runner: id }),
    id,
    kinds: new Map(kinds.map((kind) => [kind.name, kind])),
    held: new Map<string, HeldAction>(),
    claiming: new Set<string>(),
    owed: new Set<Promise<void>>(),
    chunks: createChunkCache(MOST_CHUNK_BYTES),
    sealKeys: sealKeysOf(context),
  };
  // Answerable before it holds anything: a claim whose holder nobody can ask would look dead.
  const acks = watchAcks(connection, names, id);
  const questions = answerQuestions(own);
  const presence = await keepPresence(own, lease);
  const deps: RunnerDeps = { ...own, presence };
  const queues = new Map<string, Queue>();
  const onFree = (): void => lanes.onRoom(room() - inFlight() <= 1);
  /** Of one limit that all queues share; what is being taken is not held yet. */
  const room = (): number => config.JM_CONCURRENCY - deps.held.size - offers.inFlight;
  const inFlight = (): number => [...queues.values()].reduce((sum, queue) => sum + queue.inFlight, 0);
  const isBehind = (): boolean => [...queues.values()].some((queue) => queue.isBehind);
  const lanes = takeByLanes(() => room() - inFlight());
  const mayTakeOffered = (): boolean =>
    !presence.isLost && !isBehind() && !lanes.isByTurns && room() > inFlight();
  const offers = answerOffers(deps, mayTakeOffered, onFree);
  for (const pool of config.JM_POOLS) offers.serve(pool);
  for (const { registers } of kinds)
    if (registers !== undefined) await insist(deps, "kind", { v: 1, kind: registers });
  const key = keyRequest(deps);
  if (key !== undefined) {
    const told = insist(deps, "secret-key", key).catch((thrown: unknown) =>
      log.warn({ why: ensureError(thrown).message }, "the key of secrets was not told"),
    );
    // State-stores of an older version do not listen for it: what is to be run does not wait for that.
    await Promise.race([told, new Promise((resolve) => setTimeout(resolve, KEY_MS).unref())]);
  }
  const reseals = key === undefined ? undefined : answerReseals(deps);
  const take = (queue: string): void => {
    const guarded = guardSuspects({
      marks: deps.store.suspects,
      clock,
      log: deps.log,
      // Hints come again under new sequences: it is the action that kills.
      nameOf: ({ subject, sequence }: QueueMessage) => actionIdOfResume(subject) ?? String(sequence),
      // What was asked for before the presence was lost: it would be ended as soon as it begins.
      handle: (message) => (presence.isLost ? Promise.resolve(NOT_NOW) : takeAction(deps, message, onFree)),
      bury: (message, reason) => bury(deps, message, "poison", reason),
    });
    const consumed = consumeQueue(connection, {
      point: "resume.ack",
      stream: names.streams.resume,
      consumer: names.poolConsumer(queue),
      maxInFlight: config.JM_CONCURRENCY,
      // Less what the other queues are taking.
      room: () => room() - (inFlight() - (queues.get(queue)?.inFlight ?? 0)),
      mayAskAhead: () => lanes.mayAskAhead(),
      handle: (message) => (lanes.givesBack() ? Promise.resolve(GIVEN_BACK) : guarded(message)),
      onProblem: (problem) => log.warn({ problem, queue }, "resumes"),
    });
    queues.set(queue, consumed);
    lanes.add(queue, consumed);
  };
  for (const pool of config.JM_POOLS) {
    await insist(deps, "pool", { v: 1, pool });
    take(pool);
  }
  const served = followQueues(deps, (queue) => {
    if (queues.has(queue)) return;
    log.info({ queue }, "serving one more queue");
    take(queue);
    offers.serve(queue);
  });
  return {
    details: () => ({
      runner: id,
      pools: config.JM_POOLS.join(","),
      ...(config.JM_LABELS.length === 0 ? {} : { labels: config.JM_LABELS.join(",") }),
      capacity: config.JM_CONCURRENCY,
      load: deps.held.size,
      groupCommit: connection.groupCommit.isEngaged,
    }),
    async drain() {
      await served.stop();
      await Promise.all([offers.stop(), ...[...queues.values()].map((queue) => queue.stop())]);
      await offers.idle();
      await finishHeld(deps);
      await Promise.all(deps.owed);
      acks.stop();
      await presence.stop();
      await questions.stop();
      await reseals?.stop();
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

/** State-stores make consumers and keep kinds; this one waits for one that is there, however long. */
async function insist(
  { connection, names, log }: RunnerDeps,
  verb: "pool" | "kind" | "secret-key",
  request:
    | SvcRequest<"state-store.pool">
    | SvcRequest<"state-store.kind">
    | SvcRequest<"state-store.secret-key">,
): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      const answer = await ask(connection, names.svc.of("state-store", verb), request, 5_000);
      if (answer.ok) return;
      log.warn({ request, why: answer.error.message }, `a ${verb} was not made`);
    } catch (thrown) {
      if (connection.nc.isClosed()) throw thrown;
      if (tries % 20 === 5)
        log.warn({ request, why: ensureError(thrown).message }, "waiting for a state-store");
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
