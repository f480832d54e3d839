import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { eventually } from "@jetmesh/testkit";
import { type Child, startServer } from "../child-process.ts";
import { Unavailable } from "../engine.ts";
import { PEERS } from "../folders.ts";
import type { Resources } from "../resources.ts";
import { onFreePorts } from "./on-free-ports.ts";
import { scratchFolder } from "./scratch-folder.ts";
import { versionOf } from "./version-of.ts";

export interface RunningRestate {
  readonly server: Child;
  readonly ingressPort: number;
  readonly adminUrl: string;
  readonly version: string;
}

/** The package holds the server as it is; it is run itself, not behind the launcher. */
function findBinary(): string {
  const name = `@restatedev/restate-server-${process.platform}-${process.arch}`;
  try {
    const launcher = createRequire(join(PEERS, "package.json")).resolve(
      "@restatedev/restate-server/package.json",
    );
    return join(createRequire(launcher).resolve(`${name}/package.json`), "../bin/restate-server");
  } catch {
    throw new Unavailable(`npm has no ${name}`);
  }
}

export async function startRestate(name: string, resources: Resources): Promise<RunningRestate> {
  const command = findBinary();
  const version = await versionOf(command);
  const dir = scratchFolder("restate", resources);
  return onFreePorts(3, async ([node = 0, ingress = 0, admin = 0]) => {
    const config = join(dir, `restate-${node}.toml`);
    writeFileSync(config, configuration(join(dir, `data-${node}`), { node, ingress, admin }));
    const args = ["--config-file", config];
    const server = startServer(`${name}: restate-server`, { command, args, stopBy: "SIGKILL" }, resources);
    const adminUrl = `http://127.0.0.1:${admin}`;
    await Promise.race([
      eventually("restate-server to be healthy", () => isHealthy(adminUrl, ingress), {
        withinMs: 60_000,
        everyMs: 50,
      }),
      server.gone,
    ]);
    return { server, ingressPort: ingress, adminUrl, version };
  });
}

function configuration(dir: string, ports: { node: number; ingress: number; admin: number }): string {
  const at = (port: number): string => `"127.0.0.1:${port}"`;
  return `
node-name = "bench"
cluster-name = "bench"
base-dir = "${dir}"
auto-provision = true
default-num-partitions = 4
disable-telemetry = true
listen-mode = "tcp"
bind-address = ${at(ports.node)}
advertised-address = "http://127.0.0.1:${ports.node}"
log-filter = "warn"
log-disable-ansi-codes = true

[bifrost.local]
rocksdb-disable-wal = false
rocksdb-disable-wal-fsync = false

[log-server]
rocksdb-disable-wal-fsync = false

[ingress]
bind-address = ${at(ports.ingress)}

[admin]
bind-address = ${at(ports.admin)}
`;
}

async function isHealthy(adminUrl: string, ingressPort: number): Promise<true | undefined> {
  const urls = [`${adminUrl}/health`, `http://127.0.0.1:${ingressPort}/restate/health`];
  const answers = await Promise.all(urls.map((url) => fetch(url).catch(() => undefined)));
  return answers.every((answer) => answer?.ok === true) ? true : undefined;
}
