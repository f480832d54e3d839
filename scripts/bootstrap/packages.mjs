// The packages of the lock file. Installed anew when the lock file, a manifest of the workspace or Node has changed.
import crypto from "node:crypto";
import fs from "node:fs";
import path from "node:path";
import { nodeVersion } from "./node-runtime.mjs";
import { PNPM } from "./package-manager.mjs";
import { CACHE, inRoot, readTextOrEmpty, say, writeWhole } from "./paths.mjs";
import { runQuietly } from "./processes.mjs";

const STAMP = path.join(CACHE, "packages.stamp");

/** The folders named under `packages:` in pnpm-workspace.yaml; there is no YAML parser before the install. */
function workspaceFolders() {
  const [, list] = /^packages:\n((?: +- .*\n)+)/m.exec(readTextOrEmpty(inRoot("pnpm-workspace.yaml"))) || [
    ,
    "",
  ];
  const patterns = list.split("\n").map((line) => line.replace(/^ +- /, "").replace(/"/g, ""));
  return patterns.filter(Boolean).flatMap((pattern) => {
    if (!pattern.endsWith("/*")) return [pattern];
    const parent = pattern.slice(0, -2);
    if (!fs.existsSync(inRoot(parent))) return [];
    return fs
      .readdirSync(inRoot(parent))
      .sort()
      .map((name) => `${parent}/${name}`);
  });
}

function wantedStamp() {
  const hash = crypto.createHash("sha256").update(String(nodeVersion()));
  const manifests = ["", ...workspaceFolders()].map((folder) => path.join(folder, "package.json"));
  for (const file of ["pnpm-lock.yaml", "pnpm-workspace.yaml", ...manifests]) {
    hash.update(`\0${file}\0${readTextOrEmpty(inRoot(file))}`);
  }
  return hash.digest("hex");
}

export const packages = {
  isSatisfied: () => fs.existsSync(inRoot("node_modules")) && readTextOrEmpty(STAMP) === wantedStamp(),

  async make() {
    say("installing the packages of pnpm-lock.yaml");
    // --prod=false: NODE_ENV=production in the environment would leave the tools out.
    await runQuietly(PNPM, ["install", "--frozen-lockfile", "--prod=false"], { what: "pnpm install" });
    writeWhole(STAMP, wantedStamp());
  },
};
