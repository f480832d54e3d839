import { runService } from "@jetmesh/service-kit";
import { startGateway } from "./app.ts";
import { GatewayConfig } from "./config.ts";

await runService({ name: "gateway", config: GatewayConfig, start: startGateway });
