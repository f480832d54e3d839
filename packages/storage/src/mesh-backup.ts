import { isDeepStrictEqual } from "node:util";
import { MESH_KEY, type MeshRecord, type Names } from "@jetmesh/protocol";
import type { Connection } from "./connection.ts";
import { BrokerError, UnavailableError } from "./errors.ts";
import { type MeshAt, meshRecords, readMesh } from "./mesh-shards.ts";

/**
 * A backup carries its own mark: it is in the mesh's record while the backup is taken, and taken off behind it. A store that
 * was restored from it has the mark, and its services wait until somebody has looked (design §7, ADR 0031).
 */
export type BackupMark = NonNullable<MeshRecord["backup"]>;

export async function markBackup(connection: Connection, names: Names, mark: BackupMark): Promise<void> {
  const at = await readMesh(connection, names);
  if (at === undefined) throw new BrokerError(0, "there is no mesh here that a backup could be taken of");
  const { backup, reshard } = at.record;
  if (reshard !== undefined) throw new BrokerError(0, "the mesh is being resharded: let that end first");
  if (backup !== undefined)
    throw new BrokerError(
      0,
      `a backup is being taken since ${backup.at}, or this store was restored from it: \`jm doctor\` says more`,
    );
  await write(connection, names, at, { ...at.record, backup: mark });
}

/** Takes the mark off, this one or whichever there is. Gives the one that was there. */
export async function releaseMesh(
  connection: Connection,
  names: Names,
  id?: string,
): Promise<BackupMark | undefined> {
  const at = await readMesh(connection, names);
  const backup = at?.record.backup;
  if (at === undefined || backup === undefined || (id !== undefined && backup.id !== id)) return undefined;
  const { backup: _mark, ...rest } = at.record;
  await write(connection, names, at, rest);
  return backup;
}

async function write(
  connection: Connection,
  names: Names,
  { revision }: MeshAt,
  record: MeshRecord,
): Promise<void> {
  const written = await meshRecords(connection, names).swap(MESH_KEY, record, revision, {
    point: "mesh.backup",
  });
  if (written.kind === "written") return;
  // What says the same is this very write.
  if (isDeepStrictEqual((await readMesh(connection, names))?.record, record)) return;
  throw new UnavailableError("somebody else changes the mesh just now");
}
