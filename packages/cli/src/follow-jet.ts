import type { MeshClient } from "@jetmesh/client";
import type { JetRecord, Names } from "@jetmesh/protocol";
import { createMeshStore, type Follower, follow, mayRead } from "@jetmesh/storage";
import { type JetChange, jetChanges } from "./jet-changes.ts";

export interface JetWatch {
  /** Undefined for all jets. */
  readonly jet?: string;
  readonly onChange: (change: JetChange) => void;
  /** Called for every record that was there when the watch began. */
  readonly onPresent?: (record: JetRecord) => void;
  readonly onProblem?: (problem: string) => void;
}

/** False for a user of a mesh with authentication, who has the API alone. */
export const mayReadBuckets = ({ connection, names }: MeshClient): Promise<boolean> =>
  mayRead(connection, names.kvStream(names.buckets.definitions));

/**
 * Follows jets and tells each step from state to state, in order. The bucket keeps a key's newest record alone.
 * `names` are those with the mesh's shards.
 */
export function followJets({ connection }: MeshClient, names: Names, watch: JetWatch): Follower {
  const store = createMeshStore(connection, names);
  const records = new Map<string, JetRecord>();
  const follower = follow(connection, names, {
    bucket: names.buckets.jets,
    ...(watch.jet === undefined ? {} : { keys: watch.jet }),
    ...(watch.onProblem === undefined ? {} : { onProblem: watch.onProblem }),
    onChange: ({ key, exists, data }) => {
      if (!exists) return void records.delete(key);
      const stored = store.jets.parse(data);
      if (stored.kind !== "record") return watch.onProblem?.(`the record of jet '${key}' cannot be read`);
      const before = records.get(key);
      records.set(key, stored.value);
      if (isPresent()) return watch.onPresent?.(stored.value);
      for (const change of jetChanges(before, stored.value)) watch.onChange(change);
    },
  });
  const isPresent = (): boolean => !follower.isReady;
  return follower;
}
