import { isDeepStrictEqual } from "node:util";
import { createNames, MESH_KEY, type MeshRecord, type Names } from "@jetmesh/protocol";
import { startBrokerClock } from "./broker-clock.ts";
import type { Connection } from "./connection.ts";
import { type CopyCount, copyRecords, verifyCopy } from "./copy-shards.ts";
import { type MeshAt, meshRecords, readMesh, ShardsError } from "./mesh-shards.ts";
import {
  makeMissing,
  makeTargets,
  removeStreams,
  removeTargets,
  type Sharded,
  seal,
  unseal,
} from "./reshard-streams.ts";
import { findStream } from "./topology.ts";

/**
 * Changes the number of shards of a mesh whose services are stopped (ADR 0020). What it is at stands in the mesh's own
 * record, each step can be taken again, and the old streams count until everything was read back from the new ones: so
 * it can be killed anywhere, and run again.
 *
 *   1  record: from A to B, `copy`; from now on no service starts
 *   2  the old streams are sealed: whoever still runs writes nothing any more
 *   3  the new streams are made, their sequences behind the old ones, and everything is copied and read back
 *   4  record: B, `remove`; from now on the new streams count
 *   5  the old streams are removed
 *   6  record: B
 */
export interface ReshardOptions {
  readonly to: number;
  /** Throws where anything of the mesh still runs. */
  readonly assertStill: () => Promise<void>;
  readonly say: (line: string) => void;
}

/** What one hop copied. */
export interface ReshardReport {
  readonly from: number;
  readonly to: number;
  readonly jets: CopyCount;
  readonly actions: CopyCount;
  /** Of chunks of workflows' older steps. */
  readonly steps: CopyCount;
}

type Hop = NonNullable<MeshRecord["reshard"]>;

/** Gives what each hop copied; none where the mesh has that number already. */
export async function reshard(
  connection: Connection,
  { prefix }: Names,
  { to, assertStill, say }: ReshardOptions,
): Promise<ReshardReport[]> {
  const plain = createNames(prefix);
  const reports: ReshardReport[] = [];
  let isStill = false;
  for (;;) {
    const at = await readMesh(connection, plain);
    const { shards, reshard: hop, backup } = at?.record ?? { shards: 1 };
    if (backup !== undefined)
      throw new ShardsError(
        `a backup is being taken since ${backup.at}, or this store was restored from it: \`jm doctor\` says more`,
      );
    if (hop === undefined) {
      if (shards === to) return reports;
      await begin(connection, plain, at, nextHop(shards, to), assertStill);
      isStill = true;
      continue;
    }
    if (!isStill) await assertStill();
    isStill = true;
    say(
      `from ${String(hop.from)} to ${String(hop.to)} shards: ${hop.phase === "copy" ? "copying" : "removing the old streams"}`,
    );
    const names = { from: createNames(prefix, hop.from), to: createNames(prefix, hop.to) };
    if (hop.phase === "remove") {
      await removeStreams(connection, names.from);
      await write(connection, plain, at, { v: 1, shards: hop.to });
    } else if (to === hop.from) {
      say(`giving up: it stays at ${String(to)}`);
      await removeTargets(connection, names.to);
      await makeMissing(connection, names.from);
      await unseal(connection, names.from);
      await write(connection, plain, at, { v: 1, shards: hop.from });
    } else {
      reports.push(await copyAll(connection, names, hop));
      await write(connection, plain, at, { v: 1, shards: hop.to, reshard: { ...hop, phase: "remove" } });
    }
  }
}

/** The streams of two numbers above 1 have names in common: from one to the other it goes by way of a single one. */
function nextHop(shards: number, to: number): Hop {
  const next = shards > 1 && to > 1 ? 1 : to;
  return { from: shards, to: next, phase: "copy", at: new Date().toISOString() };
}

async function begin(
  connection: Connection,
  plain: Names,
  at: MeshAt | undefined,
  hop: Hop,
  assertStill: () => Promise<void>,
): Promise<void> {
  if (at === undefined && (await findStream(connection, plain.kvStream(plain.buckets.jets))) === undefined)
    throw new ShardsError("there is no mesh here: a state-store makes one, with JM_SHARDS shards");
  await assertStill();
  const begun = await write(connection, plain, at, { v: 1, shards: hop.from, reshard: hop });
  // Once more: who has read the number before this was written has been seen by now, or sees it.
  await assertStill().catch(async (thrown: unknown) => {
    await write(connection, plain, begun, { v: 1, shards: hop.from });
    throw thrown;
  });
}

async function copyAll(
  connection: Connection,
  names: { readonly from: Names; readonly to: Names },
  hop: Hop,
): Promise<ReshardReport> {
  const clock = await startBrokerClock(connection, names.from.kvStream(names.from.buckets.leases));
  try {
    await makeMissing(connection, names.from);
    await seal(connection, names.from);
    await makeTargets(connection, names.from, names.to);
    const count = async (holds: Sharded): Promise<CopyCount> => {
      const copy = { connection, ...names, holds, now: () => clock.now() };
      await copyRecords(copy);
      return verifyCopy(copy);
    };
    return {
      from: hop.from,
      to: hop.to,
      jets: await count("jets"),
      actions: await count("actions"),
      steps: await count("steps"),
    };
  } finally {
    clock.stop();
  }
}

/** The mesh's record, only if it is as it was read: of two that reshard at once one stops here. */
async function write(
  connection: Connection,
  plain: Names,
  at: MeshAt | undefined,
  record: MeshRecord,
): Promise<MeshAt> {
  const written = await meshRecords(connection, plain).swap(MESH_KEY, record, at?.revision ?? 0, {
    point: "reshard.record",
  });
  if (written.kind === "written") return { record, revision: written.revision };
  // What says the same is this very write, or one that is at the same and as far.
  const there = await readMesh(connection, plain);
  if (there !== undefined && isDeepStrictEqual(there.record, record)) return there;
  throw new ShardsError("somebody else is resharding this mesh");
}
