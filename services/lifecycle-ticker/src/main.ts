import { runService } from "@jetmesh/service-kit";
import { startTicker } from "./app.ts";
import { TickerConfig } from "./config.ts";

await runService({ name: "lifecycle-ticker", config: TickerConfig, start: startTicker });
