import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { ROOT, workspacePackages } from "./repository.ts";

/** Stands in for the command line: says how it was started, or waits for a signal. */
const COMMAND = `
const args: string[] = process.argv.slice(2);
if (args.includes("--wait")) setInterval(() => undefined, 1_000);
if (args.includes("--drain")) process.on("SIGTERM", () => process.exit(0));
const { pid, versions } = process;
const server = process.env.NATS_SERVER;
console.log(JSON.stringify({ args, cwd: process.cwd(), node: versions.node, pid, server }));
`;

/** A checkout of the bootstrap and the manifests alone, with a command of its own to start. */
export async function bootstrapCopy(): Promise<{ root: string } & AsyncDisposable> {
  const root = await mkdtemp(join(tmpdir(), "jetmesh-bootstrap-"));
  for (const name of ["jm", "scripts", "pnpm-lock.yaml", "pnpm-workspace.yaml"]) {
    await cp(join(ROOT, name), join(root, name), { recursive: true });
  }
  for (const folder of workspacePackages()) {
    await cp(join(ROOT, folder, "package.json"), join(root, folder, "package.json"));
  }
  // What is 100 MB to fetch and already here is lent.
  await mkdir(join(root, ".cache"));
  for (const name of ["node", "pnpm"]) {
    const fetched = join(ROOT, ".cache", name);
    if (existsSync(fetched)) await symlink(fetched, join(root, ".cache", name));
  }
  await writeExecutable(join(root, "packages/cli/src/main.ts"), COMMAND);
  return { root, [Symbol.asyncDispose]: () => rm(root, { recursive: true, force: true }) };
}

export async function writeExecutable(file: string, text: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, text);
  await chmod(file, 0o755);
}

/** A nats-server that can do no more than say its version. */
export async function writeFakeServer(file: string, version: string): Promise<void> {
  await writeExecutable(file, `#!/bin/sh\necho "nats-server: v${version}"\n`);
}

export type Outcome = {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
};
export type Running = { readonly child: ChildProcess; readonly ended: Promise<Outcome> };

/** Starts a program with exactly this environment on top of ours; empty text removes a variable. */
export function start(
  file: string,
  args: readonly string[],
  options: { cwd?: string; env?: Readonly<Record<string, string>> } = {},
): Running {
  const env = { ...process.env, NATS_SERVER: "", NATS_URL: "", ...options.env };
  const child = spawn(file, args, { cwd: options.cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const ended = new Promise<Outcome>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
  return { child, ended };
}

export function runToEnd(...args: Parameters<typeof start>): Promise<Outcome> {
  return start(...args).ended;
}
