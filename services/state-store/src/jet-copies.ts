import { incarnationOf } from "@jetmesh/lifecycle";
import type { JetRecord } from "@jetmesh/protocol";
import type { MeshStore } from "@jetmesh/storage";

/** A jet at a revision; its record knows its incarnation, so that whatever is written from it does too. */
export interface JetAt {
  readonly jet: JetRecord;
  readonly revision: number;
}

/**
 * The jets that this process wrote last, so that the common case needs no read: a write at a copy's revision
 * that succeeds proves that the copy was right, and one that fails throws it away. Bounded; the oldest go first.
 */
export interface JetCopies {
  /** The copy where there is one and `fresh` is not asked for, else the leader's. */
  load(reference: string, fresh: boolean): Promise<JetAt | undefined>;
  /** What was written, as it would be loaded. */
  keep(reference: string, written: JetAt): JetAt;
  drop(reference: string): void;
}

const MOST = 20_000;

export function createJetCopies(store: MeshStore): JetCopies {
  const copies = new Map<string, JetAt>();
  const drop = (reference: string): void => void copies.delete(reference);
  const keep = (reference: string, { jet, revision }: JetAt): JetAt => {
    // A jet's first write could not know its own revision.
    const at = { jet: { ...jet, incarnation: incarnationOf(jet, revision) }, revision };
    copies.delete(reference);
    copies.set(reference, at);
    if (copies.size > MOST) {
      const oldest = copies.keys().next();
      if (oldest.done !== true) copies.delete(oldest.value);
    }
    return at;
  };
  return {
    keep,
    drop,
    async load(reference, fresh) {
      const copy = fresh ? undefined : copies.get(reference);
      if (copy !== undefined) return copy;
      const stored = await store.jets.get(reference);
      if (stored.kind === "unreadable")
        throw new Error(`the record of jet '${reference}' cannot be read: ${stored.why}`);
      if (stored.kind !== "record") {
        drop(reference);
        return undefined;
      }
      return keep(reference, { jet: stored.value, revision: stored.revision });
    },
  };
}
