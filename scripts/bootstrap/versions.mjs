// Versions, and what a binary says its version is: asked once, then known by path, size and modification time.
import { spawnSync } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { CACHE, readTextOrEmpty, writeWhole } from "./paths.mjs";

const KNOWN = path.join(CACHE, "versions.json");

function loadKnown() {
  try {
    return JSON.parse(readTextOrEmpty(KNOWN) || "{}");
  } catch {
    return {};
  }
}

function fingerprint(file) {
  const { size, mtimeMs } = fs.statSync(file);
  return `${size}-${mtimeMs}`;
}

/** The version as text, undefined where the file does not say one; `isNew` where it had to be asked. */
export function versionOf(file) {
  const known = loadKnown()[file];
  const print = fingerprint(file);
  if (known !== undefined && known.print === print) return { version: known.version, isNew: false };
  const { stdout } = spawnSync(file, ["--version"], { encoding: "utf8", timeout: 10_000 });
  const found = /(\d+\.\d+\.\d+)/.exec(stdout || "");
  const version = found === null ? undefined : found[1];
  // Read again: another bootstrap may have written meanwhile. A lost entry is asked for again, no more.
  writeWhole(KNOWN, `${JSON.stringify({ ...loadKnown(), [file]: { print, version } }, null, 2)}\n`);
  return { version, isNew: true };
}

export function isAtLeast(version, minimum) {
  const [have, want] = [version, minimum].map((text) => text.split(".").map(Number));
  for (const [index, part] of want.entries()) {
    const difference = (have[index] || 0) - part;
    if (difference !== 0) return difference > 0;
  }
  return true;
}
