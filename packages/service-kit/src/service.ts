import { randomUUID } from "node:crypto";
import { createNames, type Health, type Names } from "@jetmesh/protocol";
import {
  assertServer,
  type BrokerClock,
  type Connection,
  connectMesh,
  ensureError,
  respond,
  startBrokerClock,
  UnavailableError,
} from "@jetmesh/storage";
import type { z } from "zod";
import { type BaseConfig, ConfigError, loadConfig } from "./config.ts";
import { createLogger, type Logger } from "./logger.ts";
import { patiently } from "./patience.ts";

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
  /** Runs before the clock: only the state-store makes streams, the others wait until they are there. */
  readonly prepare?: (context: Omit<ServiceContext<C>, "clock">) => Promise<void>;
  readonly start: (context: ServiceContext<C>) => Promise<RunningService>;
}

/**
 * The life of a service process: configuration, connection, start, health, drain, exit. It ends with 0 after
 * SIGTERM, SIGINT or the loss of the parent that it was started under, with 1 when it cannot start or its
 * connection is closed for good. A connection that is lost otherwise is made again for ever.
 */
export async function runService<C extends BaseConfig>(plan: ServicePlan<C>): Promise<never> {
  const config = configOrExit(plan);
  const instance = `${plan.name}-${randomUUID().slice(0, 8)}`;
  const log = createLogger(plan.name, instance, config.JM_LOG_LEVEL);
  const names = createNames(config.JM_PREFIX);
  const startedAt = new Date().toISOString();
  const stop = stopSignal(log);
  // A request that trips over a fault of ours costs that request, not the process and all that it holds.
  process.on("unhandledRejection", (thrown) => log.error({ err: thrown }, "a rejection that nobody handled"));
  try {
    const connection = await connectPatiently(plan.name, config, log, stop.signal);
    await patiently(() => assertServer(connection), log, stop.signal);
    const context = { config, names, connection, log, instance };
    await patiently(async () => plan.prepare?.(context), log, stop.signal);
    await waitForTopology(connection, names, log, stop.signal);
    const leases = names.kvStream(names.buckets.leases);
    const clock = await patiently(() => startBrokerClock(connection, leases), log, stop.signal);
    const running = await plan.start({ ...context, clock });
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
    log.info("ready");
    process.send?.({ ready: plan.name, instance });
    const closed = await Promise.race([stop.asked.then(() => false), connection.closed.then(() => true)]);
    if (closed) throw new UnavailableError("the connection was closed for good");
    log.info("draining");
    const drained = running.drain().then(() => true);
    const late = Promise.race([timeout(config.JM_DRAIN_MS), brokerGone(connection)]).then(() => false);
    if (!(await Promise.race([drained, late]))) log.warn("stopped with work left: others take it over");
    clock.stop();
    await Promise.race([health.stop().then(() => connection.close()), timeout(CLOSE_MS)]);
    log.info("stopped");
    process.exit(0);
  } catch (thrown) {
    if (stop.signal.aborted) process.exit(0);
    const error = ensureError(thrown);
    log.fatal({ err: error }, "service failed");
    process.send?.({ failed: plan.name, message: error.message });
    process.exit(1);
  }
}

function configOrExit<C extends BaseConfig>(plan: ServicePlan<C>): C {
  try {
    return loadConfig(plan.config, process.env);
  } catch (thrown) {
    if (!(thrown instanceof ConfigError)) throw thrown;
    process.stderr.write(`${plan.name}: ${thrown.message}\n`);
    process.exit(1);
  }
}

/** SIGINT comes two or three times from one Ctrl-C (terminal, npm, bootstrap): only the first counts. */
function stopSignal(log: Logger): { readonly asked: Promise<void>; readonly signal: AbortSignal } {
  const controller = new AbortController();
  const asked = new Promise<void>((resolve) => {
    const ask = (why: string) => (): void => {
      if (controller.signal.aborted) return;
      log.info({ why }, "asked to stop");
      controller.abort();
      resolve();
    };
    process.on("SIGTERM", ask("SIGTERM"));
    process.on("SIGINT", ask("SIGINT"));
    // Started under `jetmesh up`: it is gone, even by SIGKILL, when the channel to it is.
    if (process.channel !== undefined) process.on("disconnect", ask("parent gone"));
  });
  return { asked, signal: controller.signal };
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
        faults: config.JM_FAULTS,
        onStatus: (status) => log.warn(status, "connection changed"),
      });
    } catch (thrown) {
      if (stop.aborted || (tries >= MOST_REFUSALS && wasRefused(thrown))) throw thrown;
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
    const reply = await connection.pipeline.call(`$JS.API.STREAM.INFO.${last}`, "", undefined, 2_000);
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
