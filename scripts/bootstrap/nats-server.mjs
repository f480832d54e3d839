// A nats-server that is new enough: the one named by NATS_SERVER, on the PATH, or fetched before; else one is fetched,
// as Debian's own package or by Go. None of this installs anything into the system.
import path from "node:path";
import { fetchDebianBinary } from "./debian-package.mjs";
import {
  CACHE,
  findOnPath,
  isExecutable,
  makeFolderWhole,
  removeFolder,
  SetupError,
  say,
  sayOnce,
} from "./paths.mjs";
import { runQuietly } from "./processes.mjs";
import { isAtLeast, versionOf } from "./versions.mjs";

const MINIMUM = "2.14.0";
const PINNED_FOR_GO = "2.15.1";

const FOLDER = path.join(CACHE, "nats-server");
const FETCHED = path.join(FOLDER, "nats-server");

const HOW_TO_GET_ONE = `nats-server ${MINIMUM} or newer is needed and could not be fetched. One of these helps:
  - a binary from github.com/nats-io/nats-server/releases, on the PATH or named by NATS_SERVER
  - brew install nats-server
  - docker run -p 4222:4222 nats:2.15-alpine -js, then NATS_URL=nats://127.0.0.1:4222`;

function isNewEnough(file, { isNamed = false } = {}) {
  if (!isExecutable(file)) {
    if (isNamed) sayOnce(`NATS_SERVER names ${file}, which cannot be run: passed over`);
    return false;
  }
  const { version, isNew } = versionOf(file);
  if (version !== undefined && isAtLeast(version, MINIMUM)) return true;
  // One on the PATH is mentioned when it is first seen; one that was asked for by name, each time.
  if (isNamed || isNew)
    sayOnce(`${file} is ${version || "of unknown version"}, older than ${MINIMUM}: passed over`);
  return false;
}

/** The server to use, undefined where none is there yet. */
export function findServer(env = process.env) {
  if (env.NATS_SERVER && isNewEnough(path.resolve(env.NATS_SERVER), { isNamed: true })) {
    return path.resolve(env.NATS_SERVER);
  }
  const onPath = findOnPath("nats-server", env.PATH);
  if (onPath !== undefined && isNewEnough(onPath)) return onPath;
  return isExecutable(FETCHED) && isNewEnough(FETCHED) ? FETCHED : undefined;
}

async function fetchByGo(part) {
  const go = findOnPath("go");
  if (go === undefined) throw new SetupError("no go on the PATH");
  say(`building nats-server ${PINNED_FOR_GO} with go into .cache`);
  const module = `github.com/nats-io/nats-server/v2@v${PINNED_FOR_GO}`;
  await runQuietly(go, ["install", module], {
    cwd: part,
    env: { GOBIN: part },
    what: `go install ${module}`,
  });
}

async function tryToFetch(fetchInto) {
  try {
    await makeFolderWhole(FOLDER, fetchInto);
    const { version } = versionOf(FETCHED);
    if (version !== undefined && isAtLeast(version, MINIMUM)) return undefined;
    removeFolder(FOLDER);
    return `it is ${version || "of unknown version"}, older than ${MINIMUM}`;
  } catch (error) {
    if (error instanceof SetupError) return error.message;
    throw error;
  }
}

export const natsServer = {
  isSatisfied: () => findServer() !== undefined,

  async make() {
    const reasons = [];
    for (const [way, fetchInto] of [
      ["Debian testing", (part) => fetchDebianBinary("nats-server", "testing", part)],
      ["Debian unstable", (part) => fetchDebianBinary("nats-server", "unstable", part)],
      ["go install", fetchByGo],
    ]) {
      const reason = await tryToFetch(fetchInto);
      if (reason === undefined) return;
      reasons.push(`  ${way}: ${reason.replace(/\n/g, "\n    ")}`);
    }
    throw new SetupError(`${HOW_TO_GET_ONE}\nWhat was tried:\n${reasons.join("\n")}`);
  },
};
