import { randomUUID } from "node:crypto";
import { RunnerConfig, startRunner as startRunning } from "@jetmesh/runner";
import { createLogger, loadConfig, runService, type ServicePlan, startService } from "@jetmesh/service-kit";
import type { DefinedAction } from "./define-action.ts";

/** Whatever is left out comes from the environment, as for every service (`docs/configuration.md`). */
export interface RunnerOptions {
  readonly kinds: readonly DefinedAction[];
  /** The pools it serves; by default those of its kinds. */
  readonly pools?: readonly string[];
  /** What it has that actions may need. */
  readonly labels?: readonly string[];
  /** How many actions it executes at a time; 128 by default. */
  readonly concurrency?: number;
  readonly url?: string;
  readonly credsFile?: string;
  readonly prefix?: string;
}

export interface Runner {
  /** Of this process: new at each start. */
  readonly instance: string;
  /** Resolves when its connection is closed for good. */
  readonly closed: Promise<void>;
  /** Takes nothing new, lets what runs come to its end for a while, and leaves the rest to others. */
  stop(): Promise<void>;
}

const NAME = "flight-plan-runner";

/** Starts a runner within a program that does other things as well. */
export async function startRunner(options: RunnerOptions): Promise<Runner> {
  const config = loadConfig(RunnerConfig, environmentOf(options, process.env));
  const instance = `${NAME}-${randomUUID().slice(0, 8)}`;
  const log = createLogger(NAME, instance, config.JM_LOG_LEVEL);
  return startService(planOf(options), config, new AbortController().signal, log, instance);
}

/** Makes the process a runner and nothing else: it drains and ends with 0 on SIGTERM and SIGINT. */
export function runRunner(options: RunnerOptions): Promise<never> {
  return runService(planOf(options), environmentOf(options, process.env));
}

const planOf = (options: RunnerOptions): ServicePlan<RunnerConfig> => ({
  name: NAME,
  config: RunnerConfig,
  start: (context) => startRunning(context, { kinds: options.kinds }),
});

type Environment = Readonly<Record<string, string | undefined>>;

function environmentOf(
  { kinds, pools, labels, concurrency, url, credsFile, prefix }: RunnerOptions,
  env: Environment,
): Environment {
  const given: Environment = {
    NATS_URL: url,
    NATS_CREDS_FILE: credsFile,
    JM_PREFIX: prefix,
    JM_POOLS: pools?.join(","),
    JM_LABELS: labels?.join(","),
    JM_CONCURRENCY: concurrency === undefined ? undefined : String(concurrency),
  };
  const byDefault = { JM_POOLS: [...new Set(kinds.map(({ registers }) => registers.pool))].join(",") };
  return {
    ...byDefault,
    ...env,
    ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
  };
}
