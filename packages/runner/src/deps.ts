import type { Names } from "@jetmesh/protocol";
import type { Logger } from "@jetmesh/service-kit";
import type { BrokerClock, Connection, MeshStore, SealKey } from "@jetmesh/storage";
import type { ChunkCache } from "./chunk-cache.ts";
import type { RunnerConfig } from "./config.ts";
import type { HeldAction } from "./held-action.ts";
import type { ActionKind } from "./kinds.ts";

/** Whether others can see that this runner lives, and what it may do while they cannot. */
export interface Presence {
  /** No renewal was acknowledged for two thirds of the TTL: nothing may run here. */
  readonly isLost: boolean;
  /** Since when each renewal has been acknowledged, by the monotonic clock; undefined while one was not. */
  renewedSince(): number | undefined;
  stop(): Promise<void>;
}

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
  readonly presence: Presence;
  readonly chunks: ChunkCache;
  /** What opens secrets, as it is by now. */
  readonly sealKeys: () => readonly SealKey[];
  /** What is still to be said about actions that this runner let go. */
  readonly owed: Set<Promise<void>>;
}
