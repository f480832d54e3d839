import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { eventually } from "@jetmesh/testkit";
import { type Child, startServer } from "../child-process.ts";
import { Unavailable } from "../engine.ts";
import type { Resources } from "../resources.ts";
import { libraryFolders, unpacked } from "./debian-packages.ts";
import { listens } from "./listens.ts";
import { onFreePorts } from "./on-free-ports.ts";
import { scratchFolder } from "./scratch-folder.ts";
import { versionOf } from "./version-of.ts";

export interface RunningPostgres {
  readonly server: Child;
  readonly url: string;
  readonly version: string;
}

export const POSTGRES_DURABILITY =
  "PostgreSQL, fsync and synchronous_commit on: on the disk before the answer";

/**
 * All that is not a default: room for the connections of a worker and a caller, memory as the manual advises, and no
 * checkpoint in the middle of a run. What makes it durable is as it comes, and named so that it is seen.
 */
const SETTINGS = {
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
  max_connections: "200",
  shared_buffers: "256MB",
  max_wal_size: "4GB",
  checkpoint_timeout: "30min",
  jit: "off",
  listen_addresses: "127.0.0.1",
};

/** A server of an engine's own, so that its CPU and its memory are that engine's alone. */
export async function startPostgres(name: string, resources: Resources): Promise<RunningPostgres> {
  const { bin, env } = await findPostgres();
  const user = unprivilegedUser();
  const dir = scratchFolder("postgres", resources, user);
  const data = join(dir, "data");
  await initialise(bin, data, env, user);
  const version = await versionOf(join(bin, "postgres"), env);
  return onFreePorts(1, async ([port = 0]) => {
    const settings = { ...SETTINGS, port: String(port), unix_socket_directories: dir };
    const args = [
      "-D",
      data,
      ...Object.entries(settings).flatMap(([key, value]) => ["-c", `${key}=${value}`]),
    ];
    // SIGQUIT is its immediate shutdown: the data goes with the run.
    const options = { command: join(bin, "postgres"), args, env, cwd: dir, user, stopBy: "SIGQUIT" } as const;
    const server = startServer(`${name}: postgres`, options, resources);
    await Promise.race([eventually("postgres to listen", () => listens(port)), server.gone]);
    return { server, url: `postgresql://postgres@127.0.0.1:${port}/postgres`, version };
  });
}

export async function findPostgres(): Promise<{ bin: string; env: Record<string, string> }> {
  const installed = newestBin("/usr/lib/postgresql");
  if (installed !== undefined) return { bin: installed, env: {} };
  const binIn = (tree: string): string | undefined => newestBin(join(tree, "usr/lib/postgresql"));
  const tree = await unpacked("postgresql", (root) => binIn(root) !== undefined);
  return { bin: binIn(tree) ?? "", env: { LD_LIBRARY_PATH: libraryFolders(tree) } };
}

/** Debian keeps one folder a version. */
function newestBin(parent: string): string | undefined {
  if (!existsSync(parent)) return undefined;
  return readdirSync(parent)
    .sort((a, b) => Number(b) - Number(a))
    .map((version) => join(parent, version, "bin"))
    .find((bin) => existsSync(join(bin, "postgres")) && existsSync(join(bin, "initdb")));
}

/** It refuses to run as root. Undefined where we are not: it runs as we do. */
export function unprivilegedUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync("/etc/passwd", "utf8")
    .split("\n")
    .map((line) => line.split(":"));
  const found = ["postgres", "nobody"].map((name) => users.find(([user]) => user === name)).find(Boolean);
  if (found === undefined) throw new Unavailable("there is no user to run PostgreSQL as: it refuses root");
  return { uid: Number(found[2]), gid: Number(found[3]) };
}

async function initialise(
  bin: string,
  data: string,
  env: Readonly<Record<string, string>>,
  user: { uid: number; gid: number } | undefined,
): Promise<void> {
  const args = [
    "-D",
    data,
    "-A",
    "trust",
    "-U",
    "postgres",
    "-E",
    "UTF8",
    "--no-locale",
    "--no-instructions",
  ];
  try {
    await promisify(execFile)(join(bin, "initdb"), args, {
      cwd: join(data, ".."),
      env: { PATH: process.env["PATH"] ?? "", ...env },
      ...user,
    });
  } catch (thrown) {
    const { stderr = "", message } = thrown as Error & { stderr?: string };
    throw new Unavailable(`initdb failed: ${(stderr || message).trim().split("\n").at(-1) ?? ""}`);
  }
}
