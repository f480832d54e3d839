import { existsSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "@jetmesh/testkit";
import { type Child, startServer } from "../child-process.ts";
import type { Resources } from "../resources.ts";
import { libraryFolders, unpacked } from "./debian-packages.ts";
import { listens } from "./listens.ts";
import { onFreePorts } from "./on-free-ports.ts";
import { scratchFolder } from "./scratch-folder.ts";
import { findOnPath, versionOf } from "./version-of.ts";

export interface RunningRedis {
  readonly server: Child;
  readonly port: number;
  readonly version: string;
}

async function findRedis(): Promise<{ command: string; env: Record<string, string> }> {
  const installed = findOnPath("redis-server");
  if (installed !== undefined) return { command: installed, env: {} };
  const commandIn = (tree: string): string => join(tree, "usr/bin/redis-server");
  const tree = await unpacked("redis-server", (root) => existsSync(commandIn(root)));
  return { command: commandIn(tree), env: { LD_LIBRARY_PATH: libraryFolders(tree) } };
}

/** Redis with an append-only file and no snapshots: what BullMQ's documentation asks of production. */
export async function startRedis(
  name: string,
  appendfsync: "everysec" | "always",
  resources: Resources,
): Promise<RunningRedis> {
  const { command, env } = await findRedis();
  const version = await versionOf(command, env);
  const dir = scratchFolder(`redis-${appendfsync}`, resources);
  return onFreePorts(1, async ([port = 0]) => {
    const settings = {
      port: String(port),
      bind: "127.0.0.1",
      dir,
      appendonly: "yes",
      appendfsync,
      save: "",
      "maxmemory-policy": "noeviction",
    };
    const args = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value]);
    const server = startServer(`${name}: redis`, { command, args, env, stopBy: "SIGTERM" }, resources);
    await Promise.race([eventually("redis to listen", () => listens(port)), server.gone]);
    return { server, port, version };
  });
}
