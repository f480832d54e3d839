import { constants, type Stats } from "node:fs";
import { lstat, open, readdir, readFile, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { FileEnd, WantedFile } from "./wanted-file.ts";

const NEW_FILE_MODE = 0o644;

/** Brings a file of this machine to what is wanted; rejects with an Error that says what was in the way. */
export function bringFile(wanted: WantedFile, signal: AbortSignal): Promise<FileEnd> {
  const { path, content } = wanted;
  return content === undefined ? remove(path) : write(wanted, Buffer.from(content), signal);
}

async function write(wanted: WantedFile, content: Buffer, signal: AbortSignal): Promise<FileEnd> {
  const target = await followed(wanted.path);
  const found = await foundAt(target);
  if (found?.isFile() === false) throw new Error(`${wanted.path} is no regular file`);
  await removeUnfinished(target, wanted);
  const mode = wanted.mode === undefined ? undefined : Number.parseInt(wanted.mode, 8);
  if (found !== undefined) {
    const isSame = found.size === content.length && (await readFile(target)).equals(content);
    if (isSame && (mode === undefined || mode === modeOf(found))) return "unchanged";
    if (wanted.exists === "keep") return "kept";
    if (wanted.exists === "error") throw new Error(`${wanted.path} is there already, and is another`);
  }
  const unfinished = join(dirname(target), `${prefixOf(target, wanted)}${wanted.unfinished.ofTry}`);
  try {
    // Nobody else reads what is not whole yet, and it may be secret.
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const handle = await open(unfinished, flags, 0o600);
    try {
      await handle.writeFile(content, { signal });
      // As far as this user may.
      if (found !== undefined) await handle.chown(found.uid, found.gid).catch(() => undefined);
      await handle.chmod(mode ?? (found === undefined ? NEW_FILE_MODE : modeOf(found)));
      await handle.sync();
    } finally {
      await handle.close();
    }
    signal.throwIfAborted();
    await rename(unfinished, target);
  } catch (thrown) {
    await rm(unfinished, { force: true });
    throw thrown;
  }
  await syncFolder(dirname(target));
  return "written";
}

const modeOf = ({ mode }: Stats): number => mode & 0o7777;

/** Where a link leads. */
async function followed(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (thrown) {
    if (codeOf(thrown) !== "ENOENT") throw thrown;
    if ((await linkAt(path)) !== undefined) throw new Error(`${path} is a link that leads nowhere`);
    return path;
  }
}

const codeOf = (thrown: unknown): string | undefined => (thrown as NodeJS.ErrnoException).code;

const foundAt = (path: string): Promise<Stats | undefined> => stat(path).catch(unlessAbsent);
const linkAt = (path: string): Promise<Stats | undefined> => lstat(path).catch(unlessAbsent);

function unlessAbsent(thrown: unknown): undefined {
  if (codeOf(thrown) !== "ENOENT") throw thrown;
}

async function remove(path: string): Promise<FileEnd> {
  if ((await linkAt(path)) === undefined) return "unchanged";
  await rm(path);
  await syncFolder(dirname(path));
  return "removed";
}

const prefixOf = (target: string, { unfinished }: WantedFile): string =>
  `.${basename(target).slice(0, 100)}.jm-${unfinished.ofStep}-`;

async function removeUnfinished(target: string, wanted: WantedFile): Promise<void> {
  const folder = dirname(target);
  const prefix = prefixOf(target, wanted);
  for (const name of await readdir(folder))
    if (name.startsWith(prefix)) await rm(join(folder, name), { force: true });
}

/** So that the name is there as well after a power failure. */
async function syncFolder(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
