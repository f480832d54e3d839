import type { Names } from "@jetmesh/protocol";
import type { Logger } from "@jetmesh/service-kit";
import type { BrokerClock, Connection, MeshStore } from "@jetmesh/storage";
import type { RunnerConfig } from "./config.ts";
import type { HeldAction } from "./held-action.ts";
import type { ActionKind } from "./kinds.ts";

/** What the parts of a runner share. */
export interface RunnerDeps {
  readonly config: RunnerConfig;
  readonly names: Names;
  readonly connection: Connection;
  readonly store: MeshStore;
  readonly clock: BrokerClock;
  readonly log: Logger;
  /** This runner's id: new at each start of the process. */
  readonly id: string;
  readonly kinds: ReadonlyMap<string, ActionKind>;
  /** What this runner holds, by action id. */
  readonly held: Map<string, HeldAction>;
  /** Nonces of claims that are on their way: the broker may have them before this runner knows. */
  readonly claiming: Set<string>;
}
