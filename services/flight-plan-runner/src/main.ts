import { runService } from "@jetmesh/service-kit";
import { startRunner } from "./app.ts";
import { RunnerConfig } from "./config.ts";

await runService({ name: "flight-plan-runner", config: RunnerConfig, start: startRunner });
