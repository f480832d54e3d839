import type { Names } from "@jetmesh/protocol";
import type { Logger, Members } from "@jetmesh/service-kit";
import type { Connection, MeshStore } from "@jetmesh/storage";
import type { GatewayConfig } from "./config.ts";
import type { Waits } from "./waits.ts";

/** What the parts of a gateway share. */
export interface GatewayDeps {
  readonly config: GatewayConfig;
  readonly names: Names;
  readonly connection: Connection;
  readonly store: MeshStore;
  readonly log: Logger;
  /** This process, as state-stores address it. */
  readonly instance: string;
  readonly waits: Waits;
  readonly stateStores: Members;
}
