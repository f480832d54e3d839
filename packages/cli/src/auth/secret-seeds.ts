import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createSealKey, readSealKeys, type SealKey } from "@jetmesh/storage";
import { keyFolderOf, writeSecret } from "./key-folder.ts";

/**
 * The seeds that open secrets, in a file that its owner alone may read, beside the keys and outside of what the broker
 * stores: the newest first, older ones below for what is still sealed to them.
 */
export const seedFileOf = (store: string): string => join(keyFolderOf(store), "secrets.seed");

export function ensureSeeds(file: string): void {
  if (!existsSync(file)) writeSecret(file, `${createSealKey().seed}\n`);
}

/** A new one before those that are there. */
export function addSeed(file: string): SealKey {
  const key = createSealKey();
  const before = existsSync(file) ? readFileSync(file, "utf8") : "";
  writeSecret(file, `${key.seed}\n${before}`);
  return key;
}

/** Leaves the newest alone. */
export function forgetOlderSeeds(file: string): void {
  const [newest] = readSealKeys(file);
  if (newest !== undefined) writeSecret(file, `${newest.seed}\n`);
}
