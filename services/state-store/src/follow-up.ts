import { type ActionEffect, isWaitingForSlots } from "@jetmesh/lifecycle";
import { sendResume } from "@jetmesh/storage";
import type { ActionAt, Deps } from "./deps.ts";

/** What is to be done once this state-store has written an action that nobody holds. */
export async function followUp(
  deps: Deps,
  { record, revision }: ActionAt,
  effects: readonly ActionEffect[],
  text?: string,
): Promise<void> {
  if (effects.some(({ type }) => type === "tell")) deps.settleLater({ record, revision });
  if (isWaitingForSlots(record)) {
    deps.slots.wait({ record, revision });
    return;
  }
  // A hint, which the ticker would send as well: it is due.
  if (effects.some(({ type }) => type === "resume"))
    await sendResume(deps.connection, deps.names, record, revision, text).catch((thrown: unknown) =>
      deps.log.warn({ err: thrown, action: record.id }, "not resumed yet"),
    );
}
