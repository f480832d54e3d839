import type { Numbers } from "@jetmesh/lifecycle";
import type { ActionRecord, KeySlots } from "@jetmesh/protocol";
import type { Change } from "@jetmesh/storage";
import type { InLine } from "./waiting-line.ts";

/** What the parts of a state-store have done with the slots of limits. */
export interface SlotKeeper {
  readonly ready: Promise<void>;
  /** Has it take its turn. What is missed is seen by its header. */
  wait(at: { readonly record: ActionRecord; readonly revision: number }): void;
  /** Takes out one that can never run again, and lets the next ones have its slots. */
  free(record: Pick<ActionRecord, "id" | "slots">): Promise<void>;
  onAction(change: Change): void;
  /** The numbers may be others now. */
  onLimits(): void;
  /** What is to be looked at: who waits and might begin, and who holds a slot for long and is not open. */
  due(isOpen: (id: string) => boolean): (() => Promise<void>)[];
  readonly copy: SlotsCopy;
  stop(): Promise<void>;
}

/** What is known of all keys, for whoever asks. */
export interface SlotsCopy {
  keys(): string[];
  slotsOf(key: string): KeySlots | undefined;
  waitingFor(key: string): readonly InLine[];
  find(id: string): InLine | undefined;
  isRetrying(id: string): boolean;
  numbersOf(key: string): Promise<Numbers>;
}
