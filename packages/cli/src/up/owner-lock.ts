import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { identityOf, isRunning, pidOf } from "./process-identity.ts";

/**
 * One `up` on a store at a time. The lock is a folder with one file in it, named after its owner:
 * taking is the rename of a folder with one's own file, which fails while one is there; taking over is the rename of
 * the dead owner's file to one's own, and of several that try, one wins.
 */
export type LockOutcome =
  | { readonly kind: "taken"; release(): void }
  | { readonly kind: "held"; readonly pid: number };

export function takeLock(store: string): LockOutcome {
  const lock = join(store, "lock");
  const me = identityOf(process.pid);
  const release = (): void => {
    // Renamed away first: emptied in place it could be taken before it is removed.
    const released = `${lock}.${me}`;
    if (rename(lock, released, "ENOENT")) rmSync(released, { recursive: true, force: true });
  };
  for (;;) {
    if (take(lock, me)) return { kind: "taken", release };
    const owner = readOwner(lock);
    // It was released, or is being taken over, in between.
    if (owner === undefined) continue;
    if (isRunning(owner)) return { kind: "held", pid: pidOf(owner) };
    if (rename(join(lock, owner), join(lock, me), "ENOENT")) return { kind: "taken", release };
  }
}

function take(lock: string, me: string): boolean {
  const prepared = `${lock}.${me}`;
  mkdirSync(prepared, { recursive: true });
  writeFileSync(join(prepared, me), "");
  const isTaken = rename(prepared, lock, "ENOTEMPTY", "EEXIST");
  if (!isTaken) rmSync(prepared, { recursive: true, force: true });
  return isTaken;
}

function readOwner(lock: string): string | undefined {
  try {
    return readdirSync(lock)[0];
  } catch {
    return undefined;
  }
}

/** False where somebody else was first, which these codes tell. */
function rename(from: string, to: string, ...lost: readonly string[]): boolean {
  try {
    renameSync(from, to);
    return true;
  } catch (thrown) {
    if (!lost.includes((thrown as NodeJS.ErrnoException).code ?? "")) throw thrown;
    return false;
  }
}
