import { join, resolve } from "node:path";

export const ROOT = resolve(import.meta.dirname, "../..");
/** A workspace of its own, which the bench alone installs. */
export const PEERS = join(import.meta.dirname, "peers");
/** Servers that were fetched; never part of the repository. */
export const CACHE = join(ROOT, ".cache/peers");
export const PNPM = join(ROOT, ".cache/bin/pnpm");
