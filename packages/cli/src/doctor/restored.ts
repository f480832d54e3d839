import type { MeshClient } from "@jetmesh/client";
import { createNames, type JetRecord } from "@jetmesh/protocol";
import { createMeshStore, readMesh, releaseMesh, scanNewest } from "@jetmesh/storage";
import { type Finding, ok, warning, wrong } from "./finding.ts";

/** What of a restored store would go on. */
export interface GoesOn {
  /** Triggers and targets that nobody has looked at yet. */
  readonly triggers: number;
  /** Open actions by the state that they were in. */
  readonly actions: Readonly<Record<string, number>>;
  /** Jets with a trigger that waits, or on their way to a target. */
  readonly jets: number;
}

const MOST = 1_000_000;
const OVER = new Set(["CLOSED", "REVERTED"]);

export async function whatGoesOn({ connection, names: { prefix } }: MeshClient): Promise<GoesOn> {
  const mesh = await readMesh(connection, createNames(prefix));
  const names = createNames(prefix, mesh?.record.shards ?? 1);
  const store = createMeshStore(connection, names);
  const states = await scanNewest(connection, names, names.buckets.actions, MOST, ({ data }) => {
    const stored = store.actions.parse(data);
    return stored.kind === "record" && !OVER.has(stored.value.state) ? stored.value.state : undefined;
  });
  const isWaiting = ({ queue, target }: JetRecord): boolean => queue.length > 0 || target !== undefined;
  const jets = await scanNewest(connection, names, names.buckets.jets, MOST, ({ key, data }) => {
    const stored = store.jets.parse(data);
    return stored.kind === "record" && isWaiting(stored.value) ? key : undefined;
  });
  const triggers = await connection.jsm.streams.info(names.streams.triggers);
  const actions: Record<string, number> = {};
  for (const state of states.values()) actions[state] = (actions[state] ?? 0) + 1;
  return { triggers: triggers.state.messages, actions, jets: jets.size };
}

/** Whether services wait, and what would go on once they do not. */
export async function checkRestored(client: MeshClient): Promise<Finding[]> {
  const { connection, names } = client;
  const backup = (await readMesh(connection, createNames(names.prefix)))?.record.backup;
  if (backup === undefined) return [ok("backup", "the store is none that was restored and not looked at")];
  const found = `restored from the backup of ${backup.at}, or that one is still being taken: services that start wait`;
  return [
    wrong("backup", found, "see what goes on; then `jm doctor --restored`"),
    warning("goes on", formatGoesOn(await whatGoesOn(client)), "what has run since the backup runs again"),
  ];
}

export const formatGoesOn = ({ triggers, actions, jets }: GoesOn): string =>
  [
    `${triggers} triggers`,
    ...Object.entries(actions).map(([state, count]) => `${count} actions in ${state}`),
    `${jets} jets with more to do`,
  ].join(", ");

export interface Released {
  readonly backup: { readonly at: string };
  readonly goesOn: GoesOn;
}

/** Lets the services go on; undefined where they do. */
export async function release(client: MeshClient): Promise<Released | undefined> {
  const goesOn = await whatGoesOn(client);
  const backup = await releaseMesh(client.connection, client.names);
  return backup === undefined ? undefined : { backup: { at: backup.at }, goesOn };
}
