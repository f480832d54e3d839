import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { eventually } from "@jetmesh/testkit";
import { ROOT } from "./repository.ts";

/**
 * The `nats` command: on the PATH, else brought by go, once, into .cache. That takes two minutes of a core, so it is begun
 * when the tests begin (`globalSetup`), behind everything else, and waited for by who needs it.
 */
const GOBIN = join(ROOT, ".cache/gobin");
/** Holds the id of the process that brings it, for as long as it does. */
const COMING = `${GOBIN}.coming`;
const INSTALL_MS = 300_000;

const onPath = (): string[] => (process.env["PATH"] ?? "").split(delimiter);
const findFolder = (): string | undefined =>
  [GOBIN, ...onPath()].find((place) => existsSync(join(place, "nats")));

/** Its folder, or why there is none. */
export async function natsBinary(): Promise<{ readonly folder: string } | { readonly missing: string }> {
  const ended = (): boolean => !existsSync(COMING) || !isAlive(Number(readFileSync(COMING, "utf8")));
  await eventually("the `nats` command to be brought", () => (ended() ? true : undefined), {
    withinMs: INSTALL_MS,
    everyMs: 200,
  });
  const folder = findFolder();
  if (folder !== undefined) return { folder };
  return { missing: "there is no `nats` on the PATH, and no go to bring it, or go could not" };
}

export default function bringNats(): (() => void) | undefined {
  if (findFolder() !== undefined || !onPath().some((place) => existsSync(join(place, "go"))))
    return undefined;
  mkdirSync(join(ROOT, ".cache"), { recursive: true });
  const part = mkdtempSync(`${GOBIN}.part-`);
  const words = ["-n", "19", "go", "install", "github.com/nats-io/natscli/nats@latest"];
  const install = spawn("nice", words, {
    cwd: part,
    env: { ...process.env, GOBIN: part },
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  let problem = "";
  install.stderr.on("data", (chunk: Buffer) => (problem += chunk.toString()));
  writeFileSync(COMING, String(install.pid ?? 0));
  install.once("close", (code) => {
    if (code === 0) renameSync(part, GOBIN);
    else process.stderr.write(`go could not bring \`nats\`: ${problem.trim().split("\n").at(-1) ?? ""}\n`);
    rmSync(part, { recursive: true, force: true });
    rmSync(COMING, { force: true });
  });
  return () => endGroup(install);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Nobody needed it so soon. */
function endGroup({ pid, exitCode, signalCode }: ChildProcess): void {
  if (pid === undefined || exitCode !== null || signalCode !== null) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // It has just ended.
  }
}
