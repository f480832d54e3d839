import type { ActionRecord, Names } from "@jetmesh/protocol";
import type { Lanes, Logger } from "@jetmesh/service-kit";
import type { BrokerClock, Connection, MeshStore } from "@jetmesh/storage";
import type { StateStoreConfig } from "./config.ts";
import type { Definitions } from "./definitions.ts";
import type { JetCopies } from "./jet-copies.ts";
import type { SlotKeeper } from "./kept-slots.ts";
import type { Kinds } from "./kinds.ts";
import type { Pressure } from "./pressure.ts";
import type { Queues } from "./queues.ts";

/** An action at a revision. */
export interface ActionAt {
  readonly record: ActionRecord;
  readonly revision: number;
}

/** What the parts of a state-store share. */
export interface Deps {
  /** This process, as others address it. */
  readonly instance: string;
  readonly config: StateStoreConfig;
  readonly names: Names;
  readonly connection: Connection;
  readonly store: MeshStore;
  readonly clock: BrokerClock;
  readonly log: Logger;
  readonly definitions: Definitions;
  readonly kinds: Kinds;
  readonly jets: JetCopies;
  readonly pressure: Pressure;
  readonly queues: Queues;
  /** Slots of limits, of actions. */
  readonly slots: SlotKeeper;
  /** One at a time per jet, within this process. */
  readonly lanes: Lanes;
  /** Ends an action outside the lane that the caller may be in; what fails is found by repair. */
  readonly settleLater: (ended: ActionAt) => void;
  /** Looks at once whether an idle jet has something to begin; what is missed is found by repair. */
  readonly moveOnLater: (jet: string) => void;
}
