import type { JetRecord } from "@jetmesh/protocol";
import type { MeshStore } from "@jetmesh/storage";

/** A jet at a revision. */
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
  keep(reference: string, at: JetAt): void;
  drop(reference: string): void;
}

const MOST = 20_000;

export function createJetCopies(store: MeshStore): JetCopies {
  const copies = new Map<string, JetAt>();
  const drop = (reference: string): void => void copies.delete(reference);
  const keep = (reference: string, at: JetAt): void => {
    copies.delete(reference);
    copies.set(reference, at);
    if (copies.size > MOST) {
      const oldest = copies.keys().next();
      if (oldest.done !== true) copies.delete(oldest.value);
    }
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
      const at = { jet: stored.value, revision: stored.revision };
      keep(reference, at);
      return at;
    },
  };
}
