import { toInstant } from "@jetmesh/lifecycle";
import type { SlotHolder } from "@jetmesh/protocol";
import type { Deps } from "./deps.ts";

/** After this a holder that nobody sees open is asked after. */
const LEASE_MS = 10_000;
const MOST_ASKED = 200;

export interface LeftSlot {
  readonly key: string;
  readonly id: string;
}

/**
 * Holders that have been there for a while and are not among the open actions, as far as is known here: most often they are being
 * freed; some were let in by somebody who died, for an action that had ended meanwhile.
 */
export function leftSlots(
  { clock }: Pick<Deps, "clock">,
  all: readonly { readonly key: string; readonly holders: readonly SlotHolder[] }[],
  isOpen: (id: string) => boolean,
): LeftSlot[] {
  const before = toInstant(clock.now() - LEASE_MS);
  const left: LeftSlot[] = [];
  for (const { key, holders } of all)
    for (const { id, since } of holders) {
      if (since >= before || isOpen(id)) continue;
      left.push({ key, id });
      if (left.length >= MOST_ASKED) return left;
    }
  return left;
}

/** Its record decides, as the leader has it: one that is closed or gone never begins again. */
export async function freeLeft(
  { store, log }: Pick<Deps, "store" | "log">,
  { key, id }: LeftSlot,
  takeOut: (id: string, key: string) => Promise<void>,
): Promise<void> {
  const stored = await store.actions.get(id);
  const isOver =
    stored.kind === "absent" ||
    stored.kind === "gone" ||
    (stored.kind === "record" && (stored.value.state === "CLOSED" || stored.value.state === "REVERTED"));
  if (!isOver) return;
  log.info({ action: id, key }, "freeing a slot whose action is over");
  await takeOut(id, key);
}
