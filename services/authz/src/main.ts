import { runService } from "@jetmesh/service-kit";
import { startAuthz } from "./app.ts";
import { AuthzConfig } from "./config.ts";

await runService({ name: "authz", config: AuthzConfig, start: startAuthz });
