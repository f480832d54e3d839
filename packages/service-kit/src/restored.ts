import type { Names } from "@jetmesh/protocol";
import { type BackupMark, type Connection, ensureError, readMesh } from "@jetmesh/storage";
import type { Logger } from "./logger.ts";
import { patiently } from "./patience.ts";

const LOOK_MS = 500;
const SAY_EVERY = 60;

/**
 * A store that was restored from a backup starts paused until `jm doctor --restored` (design §7): what was open when the
 * backup was taken has gone on since, and would go on once more. Where a backup is being taken just now it waits as well.
 */
export async function untilReleased(
  connection: Connection,
  names: Names,
  log: Logger,
  stop: AbortSignal,
): Promise<void> {
  for (let looks = 0; ; looks += 1) {
    const backup = await patiently(() => markOf(connection, names), log, stop);
    if (backup === undefined) return;
    if (looks % SAY_EVERY === 0)
      log.warn(
        { backup: backup.at },
        "paused: the store was restored from a backup, or one is being taken; see `jm doctor`",
      );
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    stop.throwIfAborted();
  }
}

/**
 * Resolves when the store behind a connection that was lost turns out to be a restored one: whoever served on the one before has
 * to begin again, and waits then.
 */
export function restoredBehind(connection: Connection, names: Names, log: Logger): Promise<void> {
  return new Promise((resolve) => {
    connection.onReconnect(() => {
      markOf(connection, names).then(
        (backup) => {
          if (backup === undefined) return;
          log.error({ backup: backup.at }, "the store was restored from a backup meanwhile");
          resolve();
        },
        (thrown: unknown) =>
          log.warn({ why: ensureError(thrown).message }, "whether the store was restored cannot be told"),
      );
    });
  });
}

const markOf = async (connection: Connection, names: Names): Promise<BackupMark | undefined> =>
  (await readMesh(connection, names))?.record.backup;
