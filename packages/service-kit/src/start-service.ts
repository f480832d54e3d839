import { createNames, type Health, inboxPrefixOf, type Names } from "@jetmesh/protocol";
import {
  assertServer,
  type BrokerClock,
  type Connection,
  CredentialsError,
  connectMesh,
  ensureError,
  namesOfMesh,
  respond,
  ShardsError,
  startBrokerClock,
} from "@jetmesh/storage";
import type { z } from "zod";
import type { BaseConfig } from "./config.ts";
import type { Logger } from "./logger.ts";
import { patiently } from "./patience.ts";
import { restoredBehind, untilReleased } from "./restored.ts";

/** What a service is given when it starts. */
export interface ServiceContext<C extends BaseConfig> {
  readonly config: C;
  readonly names: Names;
  readonly connection: Connection;
  readonly clock: BrokerClock;
  readonly log: Logger;
  /** New at each start of the process. */
  readonly instance: string;
}

/** What a service gives back once it serves. */
export interface RunningService {
  /** Stops taking work and finishes what it has. Called once. */
  drain(): Promise<void>;
  readonly details?: () => Record<string, number | string | boolean>;
}

export interface ServicePlan<C extends BaseConfig> {
  readonly name: string;
  readonly config: z.ZodType<C>;
  /**
   * Runs before the clock: only the state-store makes streams, the others wait until they are there. Its names know of
   * no shards yet.
   */
  readonly prepare?: (context: Omit<ServiceContext<C>, "clock">) => Promise<void>;
  readonly start: (context: ServiceContext<C>) => Promise<RunningService>;
}

/** A service that serves, within a process that may do other things as well. */
export interface StartedService {
  readonly instance: string;
  readonly log: Logger;
  /** Resolves when its connection is closed for good, or leads to a restored store; one that is lost otherwise is made again for ever. */
  readonly closed: Promise<void>;
  /** Drains it, for as long as `JM_DRAIN_MS` and its broker allow, and closes its connection. Called once. */
  stop(): Promise<void>;
}

/** Connects and starts a service, however long its broker and its mesh keep it waiting; rejects once `stop` is aborted. */
export async function startService<C extends BaseConfig>(
  plan: ServicePlan<C>,
  config: C,
  stop: AbortSignal,
  log: Logger,
  instance: string,
): Promise<StartedService> {
  const plain = createNames(config.JM_PREFIX);
  const startedAt = new Date().toISOString();
  const connection = await connectPatiently(plan.name, config, log, stop);
  await patiently(() => assertServer(connection), log, stop);
  const context = { config, connection, log, instance };
  await patiently(async () => plan.prepare?.({ ...context, names: plain }), log, stop);
  await waitForTopology(connection, plain, log, stop);
  await untilReleased(connection, plain, log, stop);
  const findNames = (): Promise<Names> =>
    patiently(() => namesOfMesh(connection, plain, config.JM_SHARDS), log, stop);
  const names = await findNames();
  const leases = names.kvStream(names.buckets.leases);
  const clock = await patiently(() => startBrokerClock(connection, leases), log, stop);
  const running = await plan.start({ ...context, names, clock });
  const health = respond(connection, names.svc.of(plan.name, "health"), undefined, (request) => {
    const answer: Health = {
      v: 1,
      service: plan.name,
      instance,
      pid: process.pid,
      ready: connection.connectedSince() !== undefined,
      startedAt,
      details: running.details?.() ?? {},
    };
    request.reply(answer);
  });
  // Once more, now that whoever reshards can see this process: it may not have when the number was read.
  if ((await findNames()).shards !== names.shards) throw new ShardsError("the mesh has just been resharded");
  log.info("ready");
  return {
    instance,
    log,
    closed: Promise.race([connection.closed, restoredBehind(connection, plain, log)]).then(() => undefined),
    async stop() {
      log.info("draining");
      const drained = running.drain().then(() => true);
      const late = Promise.race([timeout(config.JM_DRAIN_MS), brokerGone(connection)]).then(() => false);
      if (!(await Promise.race([drained, late]))) log.warn("stopped with work left: others take it over");
      clock.stop();
      await Promise.race([health.stop().then(() => connection.close()), timeout(CLOSE_MS)]);
      log.info("stopped");
    },
  };
}

/** A service may be started long before its broker; one that is not let in ends, for that takes a person. */
async function connectPatiently(
  name: string,
  config: BaseConfig,
  log: Logger,
  stop: AbortSignal,
): Promise<Connection> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await connectMesh({
        url: config.NATS_URL,
        name,
        credsFile: config.NATS_CREDS_FILE,
        inboxPrefix: inboxPrefixOf(name),
        apiPrefix: config.NATS_JS_API,
        faults: config.JM_FAULTS,
        onStatus: (status) => log.warn(status, "connection changed"),
      });
    } catch (thrown) {
      if (
        stop.aborted ||
        thrown instanceof CredentialsError ||
        (tries >= MOST_REFUSALS && wasRefused(thrown))
      )
        throw thrown;
      if (tries % 8 === 1) log.warn({ why: ensureError(thrown).message }, "no broker yet");
      await timeout(250);
    }
  }
}

const MOST_REFUSALS = 40;

const wasRefused = (thrown: unknown): boolean =>
  /^(Authorization|UserAuthenticationExpired|Permission)/.test(ensureError(ensureError(thrown).cause).name);

async function waitForTopology(
  connection: Connection,
  names: Names,
  log: Logger,
  stop: AbortSignal,
): Promise<void> {
  // The last stream that a state-store makes.
  const last = names.kvStream(names.buckets.leases);
  for (let tries = 0; !stop.aborted; tries += 1) {
    const reply = await connection.pipeline.call(
      `${connection.apiPrefix}.STREAM.INFO.${last}`,
      "",
      undefined,
      2_000,
    );
    if (typeof reply !== "string" && reply.json<{ error?: unknown }>().error === undefined) return;
    if (tries % 40 === 20) log.warn("waiting for a state-store to make the streams");
    await timeout(100);
  }
}

/** Without a broker there is nothing to finish: resolves when it has been away for a second. */
async function brokerGone(connection: Connection): Promise<void> {
  let since = performance.now();
  while (performance.now() - since < CLOSE_MS) {
    await timeout(100);
    if (connection.connectedSince() !== undefined) since = performance.now();
  }
}

/** How long saying goodbye to a broker may take. */
const CLOSE_MS = 1_000;

const timeout = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
