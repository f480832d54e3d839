import { toInstant } from "@jetmesh/lifecycle";
import { JET_HEADERS } from "@jetmesh/protocol";
import type { Change } from "@jetmesh/storage";
import type { Deps } from "./deps.ts";
import { freeLeftHolds } from "./holds.ts";
import { freeDead } from "./slots.ts";

/**
 * The scan for slots and holds whose owners are gone (design §3): of every template with a limit some slots, and of every
 * jet that others require its holds, every few seconds. Meshes without either cost nothing.
 */
export interface LeftConditions {
  onJet(change: Change): void;
  /** What is to be looked at now. */
  due(): (() => Promise<void>)[];
}

const EVERY_MS = 5_000;
/** Younger than this a slot may be waiting for its jet's own write. */
const YOUNG_MS = 10_000;
/** So many slots of a template are looked at in one go; the next ones in the next. */
const SLOTS_AT_ONCE = 100;

export function createLeftConditions(deps: Deps): LeftConditions {
  const held = new Set<string>();
  const next = new Map<string, number>();
  let lookedAt = performance.now();

  const lookAtSlots = async (template: string): Promise<void> => {
    const before = toInstant(deps.clock.now() - YOUNG_MS);
    const from = next.get(template) ?? 0;
    let seen = 0;
    await freeDead(deps, template, ({ at }) => {
      const isTurn = seen >= from && seen < from + SLOTS_AT_ONCE;
      seen += 1;
      return isTurn && at < before;
    });
    next.set(template, from + SLOTS_AT_ONCE < seen ? from + SLOTS_AT_ONCE : 0);
  };

  return {
    onJet(change) {
      if (change.exists && change.header(JET_HEADERS.held) !== undefined) held.add(change.key);
      else held.delete(change.key);
    },
    due() {
      if (performance.now() - lookedAt < EVERY_MS) return [];
      lookedAt = performance.now();
      const limited = deps.definitions.templates().filter(({ limit }) => limit > 0);
      return [
        ...limited.map(
          ({ reference }) =>
            () =>
              lookAtSlots(reference),
        ),
        ...[...held].map((jet) => () => freeLeftHolds(deps, jet)),
      ];
    },
  };
}
