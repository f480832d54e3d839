// One binary out of a Debian package of a newer suite, from the mirror that this machine is configured for.
// apt works on lists and a cache of our own, so the system's are neither read nor changed; no root is needed.
import fs from "node:fs";
import path from "node:path";
import { findOnPath, SetupError, say } from "./paths.mjs";
import { runQuietly } from "./processes.mjs";

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";

/** The mirrors of the machine's sources: `--print-uris` reads both kinds of source files, and works before any update. */
async function configuredMirrors(work) {
  const lists = path.join(work, "configured-lists");
  fs.mkdirSync(path.join(lists, "partial"), { recursive: true });
  const uris = await runQuietly("apt-get", ["-o", `Dir::State::Lists=${lists}`, "update", "--print-uris"], {
    what: "apt-get update --print-uris",
  });
  const found = [...uris.matchAll(/'([^']+)\/dists\/([^'/]+)\/InRelease'/g)]
    .filter(([, , suite]) => !/-(security|updates)$/.test(suite))
    .map(([, base]) => base);
  return [...new Set(found)];
}

function privateOptions(work, mirror, suite) {
  const sources = path.join(work, "sources.list");
  fs.writeFileSync(sources, `deb [signed-by=${KEYRING}] ${mirror} ${suite} main\n`);
  fs.mkdirSync(path.join(work, "lists", "partial"), { recursive: true });
  fs.mkdirSync(path.join(work, "cache", "archives", "partial"), { recursive: true });
  return [
    `Dir::Etc::sourcelist=${sources}`,
    "Dir::Etc::sourceparts=-",
    `Dir::State::Lists=${path.join(work, "lists")}`,
    `Dir::Cache=${path.join(work, "cache")}`,
    "Dir::State::status=/dev/null",
    "Acquire::Languages=none",
    "Acquire::Retries=1",
    "Acquire::http::Timeout=20",
    "APT::Sandbox::User=root",
    "Debug::NoLocking=true",
  ].flatMap((option) => ["-o", option]);
}

async function downloadFrom(mirror, name, suite, work) {
  const options = privateOptions(work, mirror, suite);
  await runQuietly("apt-get", [...options, "update"], { cwd: work, what: "apt-get update" });
  await runQuietly("apt-get", [...options, "download", name], {
    cwd: work,
    what: `apt-get download ${name}`,
  });
  const file = fs.readdirSync(work).find((entry) => entry.startsWith(`${name}_`) && entry.endsWith(".deb"));
  if (file === undefined) throw new SetupError(`apt-get download ${name} left no file`);
  return path.join(work, file);
}

/** Puts the binary `name` of the package `name` into `folder`; throws a SetupError where it cannot be had. */
export async function fetchDebianBinary(name, suite, folder) {
  for (const tool of ["apt-get", "dpkg"]) {
    if (findOnPath(tool) === undefined) throw new SetupError(`no ${tool} on the PATH`);
  }
  if (!fs.existsSync(KEYRING)) throw new SetupError("no keyring of Debian's archive on this machine");
  const work = path.join(folder, "work");
  fs.mkdirSync(work, { recursive: true });
  say(`fetching ${name} from Debian ${suite} into .cache`);
  const reasons = [];
  for (const mirror of await configuredMirrors(work)) {
    try {
      const file = await downloadFrom(mirror, name, suite, work);
      await runQuietly("dpkg", ["-x", file, path.join(work, "tree")], { what: "dpkg -x" });
      const binary = ["usr/sbin", "usr/bin"]
        .map((parent) => path.join(work, "tree", parent, name))
        .find((candidate) => fs.existsSync(candidate));
      if (binary === undefined) throw new SetupError(`the package has no ${name}`);
      fs.renameSync(binary, path.join(folder, name));
      fs.rmSync(work, { recursive: true });
      return;
    } catch (error) {
      if (!(error instanceof SetupError)) throw error;
      reasons.push(error.message);
    }
  }
  throw new SetupError(reasons.join("\n") || "no Debian mirror is configured");
}
