import { BaseConfig } from "@jetmesh/service-kit";
import { z } from "zod";

export const TickerConfig = BaseConfig.extend({
  /** How long a leader that is gone keeps the others waiting, in milliseconds. */
  JM_LEASE_TTL_MS: z.coerce.number().int().min(1_000).default(5_000),
});
export type TickerConfig = z.infer<typeof TickerConfig>;
