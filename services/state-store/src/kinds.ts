import { type KindRecord, kindKey } from "@jetmesh/protocol";
import { RefusedError } from "@jetmesh/service-kit";
import type { MeshStore } from "@jetmesh/storage";

/** The kinds of actions that runners have registered. */
export interface Kinds {
  /** Writes what a runner says of a kind, where that is new. The last one to say so wins. */
  register(kind: KindRecord): Promise<void>;
  /** As it was registered, or was a second ago. */
  registered(kind: string): Promise<KindRecord | undefined>;
}

/** Lost races for one kind: runners of a deployment start together. */
const MOST_TRIES = 20;
/** A runner that brings a kind with other delays is followed by the actions that are made a second later. */
const FRESH_MS = 1_000;
const MOST_COPIES = 1_000;

export function createKinds(store: Pick<MeshStore, "kinds">): Kinds {
  const copies = new Map<string, { readonly kind: KindRecord; readonly readAt: number }>();
  return {
    async register(kind) {
      const key = kindKey(kind.kind);
      for (let tries = 0; tries < MOST_TRIES; tries += 1) {
        const stored = await store.kinds.get(key);
        if (stored.kind === "record" && JSON.stringify(stored.value) === JSON.stringify(kind)) return;
        const revision = stored.kind === "absent" ? 0 : stored.revision;
        const written = await store.kinds.swap(key, kind, revision, { point: "kind.register" });
        if (written.kind === "conflict") continue;
        copies.delete(kind.kind);
        return;
      }
      throw new RefusedError("conflict", `kind '${kind.kind}' was registered by others at the same time`);
    },
    async registered(kind) {
      const copy = copies.get(kind);
      if (copy !== undefined && performance.now() - copy.readAt < FRESH_MS) return copy.kind;
      const stored = await store.kinds.get(kindKey(kind));
      if (stored.kind !== "record") return undefined;
      if (copies.size >= MOST_COPIES) copies.clear();
      copies.set(kind, { kind: stored.value, readAt: performance.now() });
      return stored.value;
    },
  };
}
