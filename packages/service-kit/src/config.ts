import { MAX_SHARDS } from "@jetmesh/protocol";
import { z } from "zod";

/** What every service takes from its environment; each adds its own. Empty means unset. */
export const BaseConfig = z.object({
  NATS_URL: z.string().min(1).default("nats://127.0.0.1:4222"),
  /** A file with the seed of an nkey, or with a JWT and a seed; read again at each connect. */
  NATS_CREDS_FILE: z.string().optional(),
  /** What the JetStream API of the mesh is called in the account of these credentials. */
  NATS_JS_API: z
    .string()
    .regex(/^[$A-Za-z0-9_-]+(?:\.[$A-Za-z0-9_-]+)*$/, "must be a subject")
    .default("$JS.API"),
  JM_PREFIX: z
    .string()
    .regex(/^[a-z][a-z0-9]{0,15}$/, "must be 1 to 16 of a-z 0-9, a letter first")
    .default("jm"),
  JM_LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info"),
  JM_REPLICAS: z.coerce.number().int().min(1).max(5).default(1),
  /**
   * How many shards jets and actions have. Left out it is what the mesh has, and 1 for whoever makes it; a process that
   * is told another number than the mesh has does not start.
   */
  JM_SHARDS: z.coerce.number().int().min(1).max(MAX_SHARDS).optional(),
  /** How long a closed record is kept, in milliseconds. */
  JM_CLOSED_TTL_MS: z.coerce.number().int().min(1_000).default(86_400_000),
  /**
   * How long the presence of a runner outlives its last renewal, in milliseconds: one that is cut off ends its own
   * work after two thirds of it, and is not taken over by others before all of it has passed (design §2).
   */
  JM_PRESENCE_TTL_MS: z.coerce.number().int().min(3_000).default(15_000),
  JM_ROOT_USER: z
    .string()
    .regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, "must be a reference")
    .default("root"),
  /** Faults at named points, for tests: see `packages/storage/src/faults.ts`. */
  JM_FAULTS: z.string().optional(),
  /** How long a service that was asked to stop may finish what it has taken, in milliseconds. */
  JM_DRAIN_MS: z.coerce.number().int().min(0).default(10_000),
});
export type BaseConfig = z.infer<typeof BaseConfig>;

export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** Reads a configuration from an environment; names every fault at once, by its variable. */
export function loadConfig<T>(schema: z.ZodType<T>, env: Readonly<Record<string, string | undefined>>): T {
  const given = Object.fromEntries(
    Object.entries(env).filter(([, value]) => value !== undefined && value !== ""),
  );
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => `  ${issue.path.join(".")}: ${issue.message}`);
  throw new ConfigError(`the environment is not right:\n${faults.join("\n")}`);
}
