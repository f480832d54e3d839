import { z } from "zod";
import { Delays, JsonObject, Repeat } from "./action.ts";
import { Reference, Version } from "./ids.ts";

/**
 * A kind of action as a runner registers it: the value of `jm_definitions/kind.<kind>.registered`. It says what an action
 * of the kind is made with; the code is the runner's.
 */
export const KindRecord = z.object({
  v: Version,
  kind: Reference,
  /** Where its actions run unless they, their jet action, jet or template say otherwise. */
  pool: Reference,
  delays: Delays.partial().default({}),
  repeat: Repeat.omit({ done: true }).optional(),
  /** How long closed records are kept; the mesh's own time by default. */
  keepMs: z
    .int()
    .min(1_000)
    .max(365 * 86_400_000)
    .optional(),
  maxWatcherFailures: z.int().min(1).max(1_000).optional(),
  /** What of the argument makes two of its actions the same, which is then run once for both; of none of it: all of it. */
  identity: z.array(z.string().min(1).max(200)).max(100).optional(),
  /** Of a kind with an identity: one that has succeeded stands for all that come later. */
  once: z.literal(true).optional(),
  /** Its actions can be rolled back: their records are kept for that. */
  rollback: z.literal(true).optional(),
  /** JSON Schema of the argument, for people and programs to look at; the runner is who checks. */
  argument: JsonObject.optional(),
});
export type KindRecord = z.infer<typeof KindRecord>;

/** Beside the definitions, under keys of three tokens, which followers of definitions do not see. */
export const kindKey = (kind: string): string => `kind.${kind}.registered`;
