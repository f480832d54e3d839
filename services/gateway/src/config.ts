import { BaseConfig } from "@jetmesh/service-kit";
import { z } from "zod";

export const GatewayConfig = BaseConfig.extend({
  /** How many requests one gateway serves at a time, waiting ones included; more are answered `overloaded`. */
  JM_CONCURRENCY: z.coerce.number().int().min(1).max(100_000).default(4_096),
});
export type GatewayConfig = z.infer<typeof GatewayConfig>;
