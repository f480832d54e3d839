import { incarnationOf, toInstant } from "@jetmesh/lifecycle";
import type { JetRecord } from "@jetmesh/protocol";
import type { Deps } from "./deps.ts";

/**
 * Takes back the write of a jet that was made of a template, or given it, while that was deleted (ADR 0028): what was there
 * before, or a record that says that there is none. Where somebody has written it since it stays: it can be deleted.
 */
export async function takeBack(
  { store, clock, config, jets }: Pick<Deps, "store" | "clock" | "config" | "jets">,
  written: JetRecord,
  revision: number,
  before: JetRecord | undefined,
): Promise<void> {
  const at = toInstant(clock.now());
  const incarnation = incarnationOf(written, revision);
  const { open: _open, state: _state, holds: _holds, ...rest } = written;
  const next: JetRecord =
    before === undefined
      ? { ...rest, queue: [], incarnation, changedAt: at, destroyedAt: at }
      : { ...before, incarnation, changedAt: at };
  const ttlMs = before === undefined ? config.JM_CLOSED_TTL_MS : undefined;
  await store.jets.swap(written.reference, next, revision, { point: "jet.undo", ttlMs });
  jets.drop(written.reference);
}
