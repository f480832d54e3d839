import { BaseConfig } from "@jetmesh/service-kit";
import { z } from "zod";

export const StateStoreConfig = BaseConfig.extend({
  /** How many triggers one process takes at a time. */
  JM_CONCURRENCY: z.coerce.number().int().min(1).max(10_000).default(512),
  /** When more hints than this wait for runners that work, no triggers are taken, and the API answers `overloaded`. */
  JM_BACKLOG: z.coerce.number().int().min(100).max(1_000_000).default(5_000),
  /** How long a closed action that can be rolled back is kept, in milliseconds. */
  JM_ROLLBACK_WINDOW_MS: z.coerce
    .number()
    .int()
    .min(1_000)
    .default(7 * 86_400_000),
});
export type StateStoreConfig = z.infer<typeof StateStoreConfig>;
