import { randomUUID } from "node:crypto";
import { ensureError, UnavailableError } from "@jetmesh/storage";
import { type BaseConfig, ConfigError, loadConfig } from "./config.ts";
import { createLogger, type Logger } from "./logger.ts";
import { type ServicePlan, startService } from "./start-service.ts";

/**
 * The life of a service process: configuration, connection, start, health, drain, exit. It ends with 0 after
 * SIGTERM, SIGINT or the loss of the parent that it was started under, with 1 when it cannot start or its
 * connection is closed for good. A connection that is lost otherwise is made again for ever.
 */
export async function runService<C extends BaseConfig>(
  plan: ServicePlan<C>,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<never> {
  const config = configOrExit(plan, env);
  const instance = `${plan.name}-${randomUUID().slice(0, 8)}`;
  const log = createLogger(plan.name, instance, config.JM_LOG_LEVEL);
  const stop = stopSignal(log);
  // A request that trips over a fault of ours costs that request, not the process and all that it holds.
  process.on("unhandledRejection", (thrown) => log.error({ err: thrown }, "a rejection that nobody handled"));
  try {
    const service = await startService(plan, config, stop.signal, log, instance);
    process.send?.({ ready: plan.name, instance });
    const closed = await Promise.race([stop.asked.then(() => false), service.closed.then(() => true)]);
    if (closed) throw new UnavailableError("what it was connected to is not there any more");
    await service.stop();
    process.exit(0);
  } catch (thrown) {
    if (stop.signal.aborted) process.exit(0);
    const error = ensureError(thrown);
    log.fatal({ err: error }, "service failed");
    process.send?.({ failed: plan.name, message: error.message });
    process.exit(1);
  }
}

function configOrExit<C extends BaseConfig>(
  plan: ServicePlan<C>,
  env: Readonly<Record<string, string | undefined>>,
): C {
  try {
    return loadConfig(plan.config, env);
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
