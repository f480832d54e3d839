import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { Unavailable } from "../engine.ts";
import { CACHE } from "../folders.ts";
import { say } from "../say.ts";

/**
 * A server out of Debian's packages, with the libraries that this machine lacks, unpacked into a folder of ours.
 * Nothing is installed, no script of a package runs, so no system service is started; apt keeps lists and a cache of
 * our own, so that no root is needed and the system's are neither read nor changed.
 */
const run = promisify(execFile);

/** The root of the unpacked tree, in which `has` finds what is wanted; fetched once. Throws `Unavailable` else. */
export async function unpacked(name: string, has: (tree: string) => boolean): Promise<string> {
  const tree = join(CACHE, name);
  if (has(tree)) return tree;
  const work = `${tree}.part-${process.pid}`;
  try {
    say(`fetching ${name} from Debian's packages into .cache`);
    await fetchInto(work, name);
    if (!has(join(work, "tree"))) throw new Error("the packages have no server in them");
    rmSync(tree, { recursive: true, force: true });
    renameSync(join(work, "tree"), tree);
    return tree;
  } catch (thrown) {
    throw new Unavailable(
      `${name} is neither installed nor to be had from Debian's packages: ${firstLine(thrown)}`,
    );
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function fetchInto(work: string, name: string): Promise<void> {
  mkdirSync(join(work, "lists/partial"), { recursive: true });
  mkdirSync(join(work, "cache/archives/partial"), { recursive: true });
  const options = [
    `Dir::State::Lists=${join(work, "lists")}`,
    `Dir::Cache=${join(work, "cache")}`,
    "Acquire::Languages=none",
    "Acquire::Retries=1",
    "Acquire::http::Timeout=20",
    "APT::Sandbox::User=root",
    "Debug::NoLocking=true",
  ].flatMap((option) => ["-o", option]);
  await run("apt-get", [...options, "update"]);
  await run("apt-get", [...options, "install", "--yes", "--no-install-recommends", "--download-only", name]);
  const archives = join(work, "cache/archives");
  const files = readdirSync(archives).filter((file) => file.endsWith(".deb"));
  if (files.length === 0) throw new Error("apt-get downloaded nothing");
  for (const file of files) await run("dpkg", ["-x", join(archives, file), join(work, "tree")]);
}

/** For LD_LIBRARY_PATH: where Debian's packages put libraries. */
export function libraryFolders(tree: string): string {
  return ["usr/lib", "lib"]
    .map((parent) => join(tree, parent))
    .filter((parent) => existsSync(parent))
    .flatMap((parent) => [
      parent,
      ...readdirSync(parent)
        .filter((name) => name.endsWith("-linux-gnu"))
        .map((name) => join(parent, name)),
    ])
    .join(":");
}

const firstLine = (thrown: unknown): string => {
  const said = (thrown as { stderr?: string }).stderr ?? "";
  const [line] = said.split("\n").filter((one) => one.startsWith("E:"));
  return line ?? (thrown instanceof Error ? (thrown.message.split("\n")[0] ?? "") : String(thrown));
};
