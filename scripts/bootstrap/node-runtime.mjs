// A Node that runs TypeScript as it is: the one running now, else the npm package that carries the binary alone.
// (The package `node` is not used: its own install script runs a second install that no lock file covers.)
import fs from "node:fs";
import path from "node:path";
import { BIN, CACHE, findOnPath, isExecutable, makeFolderWhole, SetupError, say } from "./paths.mjs";
import { runQuietly } from "./processes.mjs";
import { isAtLeast, versionOf } from "./versions.mjs";

const MINIMUM = "22.18.0";
const PINNED = "24.21.0";
const INSTALL_NODE = `Node ${MINIMUM} or newer is needed, this is ${process.versions.node}: install it and run this again`;

export const NODE = path.join(BIN, "node");
const FETCHED = path.join(CACHE, "node");

function isFetched(file) {
  return file.startsWith(FETCHED + path.sep);
}

/** Version of `.cache/bin/node` where it can be used, else undefined. */
export function nodeVersion() {
  if (!isExecutable(NODE)) return undefined;
  const real = fs.realpathSync(NODE);
  const { version } = versionOf(real);
  if (version === undefined || !isAtLeast(version, MINIMUM)) return undefined;
  return isFetched(real) && version !== PINNED ? undefined : version;
}

function link(target) {
  const part = `${NODE}.part-${process.pid}`;
  fs.mkdirSync(BIN, { recursive: true });
  fs.rmSync(part, { force: true });
  fs.symlinkSync(target, part);
  fs.renameSync(part, NODE);
}

/** Installs one npm package alone into a folder of `.cache`, without scripts. */
export async function fetchNpmPackage(name, version, folder) {
  const npm = findOnPath("npm");
  if (npm === undefined)
    throw new SetupError(`npm is not on the PATH: it is needed to fetch ${name}@${version}`);
  await makeFolderWhole(folder, (part) =>
    runQuietly(
      npm,
      ["install", "--prefix", part, "--ignore-scripts", "--no-audit", "--no-fund", `${name}@${version}`],
      { cwd: part, what: `npm install ${name}@${version}` },
    ),
  );
}

export const nodeRuntime = {
  isSatisfied: () => nodeVersion() !== undefined,

  async make() {
    if (isAtLeast(process.versions.node, MINIMUM) && !isFetched(process.execPath)) {
      link(process.execPath);
      return;
    }
    const name = `node-linux-${process.arch}`;
    if (process.platform !== "linux" || !["x64", "arm64"].includes(process.arch))
      throw new SetupError(INSTALL_NODE);
    say(
      `Node ${process.versions.node} is older than ${MINIMUM}: fetching ${PINNED} into .cache (${name} from npm)`,
    );
    try {
      await fetchNpmPackage(name, PINNED, FETCHED);
    } catch (error) {
      throw error instanceof SetupError ? new SetupError(`${error.message}\n${INSTALL_NODE}`) : error;
    }
    link(path.relative(BIN, path.join(FETCHED, "node_modules", name, "bin", "node")));
  },
};
