import { Label, MAX_RUNNER_LABELS } from "@jetmesh/protocol";
import { BaseConfig } from "@jetmesh/service-kit";
import { z } from "zod";

const Pools = z
  .string()
  .default("default")
  .transform((text) => text.split(",").map((pool) => pool.trim()))
  .pipe(
    z.array(z.string().regex(/^[a-z0-9][a-z0-9_-]{0,62}$/, "must be references, separated by commas")).min(1),
  );

const Labels = z
  .string()
  .default("")
  .transform((text) => text.split(",").flatMap((label) => label.trim() || []))
  .pipe(z.array(Label).max(MAX_RUNNER_LABELS));

export const RunnerConfig = BaseConfig.extend({
  /** The pools it serves, separated by commas. */
  JM_POOLS: Pools,
  /** What it has that actions may need, separated by commas. */
  JM_LABELS: Labels,
  /** How many actions it executes at a time. */
  JM_CONCURRENCY: z.coerce.number().int().min(1).max(10_000).default(128),
  /** A file with the seeds that open secrets, a line each; the first is the one that they are to be sealed to. */
  JM_SECRETS_SEED_FILE: z.string().optional(),
  /** Between SIGTERM and SIGKILL of a step's processes, in milliseconds. */
  JM_GRACE_MS: z.coerce.number().int().min(0).default(3_000),
});
export type RunnerConfig = z.infer<typeof RunnerConfig>;
