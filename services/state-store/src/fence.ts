import { toInstant } from "@jetmesh/lifecycle";
import type { JetRecord } from "@jetmesh/protocol";
import type { Stored } from "@jetmesh/storage";
import type { Deps } from "./deps.ts";

export type FenceDeps = Pick<Deps, "store" | "clock" | "config" | "jets">;

/**
 * Writes a jet's record again, unchanged but for its instant, at the revision that was read; where there is none, a
 * record that says that there is none. Whoever took a slot or a hold for that jet and has not written it yet loses its
 * race by this, and takes the slot or hold again; so that freeing it cannot leave somebody with one that is gone (ADR
 * 0026). False where the race was lost to somebody else, who may have used it.
 */
export async function fence(
  { store, clock, config, jets }: FenceDeps,
  reference: string,
  template: string,
  stored: Stored<JetRecord>,
): Promise<boolean> {
  if (stored.kind === "unreadable") return false;
  const changedAt = toInstant(clock.now());
  const expected = stored.kind === "absent" ? 0 : stored.revision;
  const is = stored.kind === "record" ? stored.value : undefined;
  const next: JetRecord = is === undefined ? nobody(reference, template, changedAt) : { ...is, changedAt };
  const ttlMs = next.destroyedAt === undefined ? undefined : config.JM_CLOSED_TTL_MS;
  // The first write of a jet is its incarnation: what is written from it must say so.
  const incarnation = is?.incarnation === 0 ? expected : next.incarnation;
  const written = await store.jets.swap(reference, { ...next, incarnation }, expected, {
    point: "jet.fence",
    ttlMs,
  });
  jets.drop(reference);
  return written.kind === "written";
}

const nobody = (reference: string, template: string, at: string): JetRecord => ({
  v: 1,
  reference,
  name: reference,
  template,
  queue: [],
  recent: [],
  incarnation: 0,
  users: [],
  managers: [],
  variables: {},
  createdAt: at,
  changedAt: at,
  destroyedAt: at,
});
