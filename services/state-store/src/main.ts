import { runService } from "@jetmesh/service-kit";
import { prepareTopology, startStateStore } from "./app.ts";
import { StateStoreConfig } from "./config.ts";

await runService({
  name: "state-store",
  config: StateStoreConfig,
  prepare: prepareTopology,
  start: startStateStore,
});
