// pnpm, in exactly the version that package.json names, run by our Node.
import fs from "node:fs";
import path from "node:path";
import { fetchNpmPackage } from "./node-runtime.mjs";
import { BIN, CACHE, inRoot, readJson, readTextOrEmpty, say, writeWhole } from "./paths.mjs";

const FOLDER = path.join(CACHE, "pnpm");
export const PNPM = path.join(BIN, "pnpm");

const SHIM = `#!/bin/sh
here=$(dirname "$(readlink -f "$0")")
exec "$here/node" "$here/../pnpm/node_modules/pnpm/bin/pnpm.cjs" "$@"
`;

function pinnedVersion() {
  const { packageManager: pin } = readJson(inRoot("package.json"));
  return /^pnpm@([^+]+)/.exec(pin)[1];
}

function fetchedVersion() {
  const manifest = path.join(FOLDER, "node_modules", "pnpm", "package.json");
  return fs.existsSync(manifest) ? readJson(manifest).version : undefined;
}

export const packageManager = {
  isSatisfied: () => fetchedVersion() === pinnedVersion() && readTextOrEmpty(PNPM) === SHIM,

  async make() {
    const version = pinnedVersion();
    if (fetchedVersion() !== version) {
      say(`fetching pnpm ${version} into .cache`);
      await fetchNpmPackage("pnpm", version, FOLDER);
    }
    writeWhole(PNPM, SHIM, 0o755);
  },
};
