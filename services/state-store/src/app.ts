import { dueAt, expiresAt } from "@jetmesh/lifecycle";
import { ADVISORY_CONSUMER, SCHEDULE_CONSUMER, TRIGGER_CONSUMER, topologyOf } from "@jetmesh/protocol";
import { createLanes, guardSuspects, type RunningService, type ServiceContext } from "@jetmesh/service-kit";
import {
  agreeOnShards,
  consumeQueue,
  createMeshStore,
  ensureTopology,
  spreadLeaders,
  watchAcks,
} from "@jetmesh/storage";
import { serveApi } from "./api.ts";
import type { StateStoreConfig } from "./config.ts";
import { writeDead } from "./dead-letters.ts";
import { followDefinitions } from "./definitions.ts";
import type { Deps } from "./deps.ts";
import { settleEnded } from "./ended.ts";
import { handleDue } from "./fire-schedule.ts";
import { handleAdvisory } from "./given-up.ts";
import { createJetCopies } from "./jet-copies.ts";
import type { SlotKeeper } from "./kept-slots.ts";
import { createKinds } from "./kinds.ts";
import { watchPressure } from "./pressure.ts";
import { createQueues } from "./queues.ts";
import { moveOn, startRepair } from "./repair.ts";
import { watchSchedules } from "./schedule-watch.ts";
import { settleAction } from "./settle.ts";
import { createSlotKeeper } from "./slot-keeper.ts";
import { startSweep } from "./sweep-queues.ts";
import { handleTriggerMessage } from "./triggers.ts";

/** The only service that makes streams and buckets. */
export async function prepareTopology({
  connection,
  names,
  config,
  log,
}: Omit<ServiceContext<StateStoreConfig>, "clock">): Promise<void> {
  const { JM_REPLICAS: replicas, JM_SHARDS: told } = config;
  // How many shards there are is agreed on in the bucket of definitions, before the first of them is made.
  const definitions = names.kvStream(names.buckets.definitions);
  const { streams } = topologyOf(names, { replicas });
  await ensureTopology(connection, {
    streams: streams.filter(({ name }) => name === definitions),
    consumers: [],
  });
  const sharded = await agreeOnShards(connection, names, told);
  const report = await ensureTopology(connection, topologyOf(sharded, { replicas }));
  if (report.created.length > 0)
    log.info({ created: report.created, shards: sharded.shards }, "made streams and buckets");
  // By whoever made the last of them: all are there, and nobody does it twice.
  if (report.created.includes(names.kvStream(names.buckets.leases))) {
    for (const bucket of [names.buckets.jets, names.buckets.actions, names.buckets.steps]) {
      const shards = sharded.bucketsOf(bucket).map((one) => names.kvStream(one));
      const moves = shards.length === 1 ? [] : await spreadLeaders(connection, shards);
      if (moves.length > 0) log.info({ moves }, "spread the leaders of the shards");
    }
  }
  for (const drift of report.drift) log.warn(drift, "a stream differs from what the mesh plans");
}

export async function startStateStore({
  config,
  names,
  connection,
  clock,
  log,
  instance,
}: ServiceContext<StateStoreConfig>): Promise<RunningService> {
  const store = createMeshStore(connection, names, { dueAt, expiresAt });
  const definitions = followDefinitions(
    connection,
    names,
    store,
    (problem) => log.warn({ problem }, "following"),
    () => slots?.onLimits(),
  );
  const pressure = watchPressure(connection, names, config.JM_BACKLOG, (isHigh) => {
    log.warn({ isHigh, waiting: pressure.waiting }, "runners keep up or do not");
    triggers.poke();
    due.poke();
  });
  let slots: SlotKeeper | undefined;
  const deps: Deps = {
    instance,
    pressure,
    queues: createQueues(connection, names),
    get slots() {
      return (slots ??= createSlotKeeper(deps));
    },
    config,
    names,
    connection,
    store,
    clock,
    log,
    definitions,
    kinds: createKinds(store),
    jets: createJetCopies(store),
    lanes: createLanes(),
    settleLater: (ended) => {
      settleAction(deps, ended).catch((thrown: unknown) =>
        log.warn({ err: thrown, action: ended.record.id }, "not settled yet"),
      );
    },
    moveOnLater: (jet) => {
      moveOn(deps, jet).catch((thrown: unknown) => log.warn({ err: thrown, jet }, "not moved on yet"));
    },
  };
  const acks = watchAcks(connection, names, instance);
  const ended = settleEnded(deps);
  const schedules = watchSchedules(deps);
  const repair = startRepair(deps, (id) => ended.settling.has(id), [schedules]);
  await Promise.all([definitions.ready, repair.ready, schedules.ready, deps.slots.ready]);
  const api = serveApi(deps);
  const triggers = consumeQueue(connection, {
    point: "trigger.ack",
    stream: names.streams.triggers,
    consumer: TRIGGER_CONSUMER,
    maxInFlight: config.JM_CONCURRENCY,
    room: () => (pressure.isHigh ? 0 : config.JM_CONCURRENCY),
    handle: guardSuspects({
      marks: store.suspects,
      clock,
      log,
      nameOf: ({ sequence }) => String(sequence),
      handle: (message) => handleTriggerMessage(deps, message),
      bury: async (message, reason) => {
        await writeDead(deps, message, "poison", reason);
        return { kind: "ack" };
      },
    }),
    onProblem: (problem) => log.warn({ problem }, "triggers"),
  });
  const due = consumeQueue(connection, {
    point: "schedule.ack",
    stream: names.streams.schedules,
    consumer: SCHEDULE_CONSUMER,
    maxInFlight: config.JM_CONCURRENCY,
    room: () => (pressure.isHigh ? 0 : config.JM_CONCURRENCY),
    handle: (message) => handleDue(deps, message),
    onProblem: (problem) => log.warn({ problem }, "schedules"),
  });
  const advisories = consumeQueue(connection, {
    point: "advisory.ack",
    stream: names.streams.advisories,
    consumer: ADVISORY_CONSUMER,
    maxInFlight: 16,
    handle: (message) => handleAdvisory(deps, message),
    onProblem: (problem) => log.warn({ problem }, "advisories"),
  });
  const sweep = startSweep(deps, (message) => handleTriggerMessage(deps, message));
  return {
    details: () => ({
      openActions: repair.openActions,
      triggersInFlight: triggers.inFlight,
      waitingForRunners: pressure.waiting,
      groupCommit: connection.groupCommit.isEngaged,
    }),
    async drain() {
      acks.stop();
      pressure.stop();
      await Promise.all([triggers.stop(), due.stop(), advisories.stop()]);
      await Promise.all([api.stop(), ended.stop(), repair.stop(), sweep.stop()]);
      await Promise.all([api.idle(), ended.idle()]);
      await Promise.all([definitions.stop(), schedules.stop(), deps.slots.stop()]);
    },
  };
}
