import { execFileSync } from "node:child_process";
import { readFileSync, statfsSync } from "node:fs";
import { cpus, loadavg, release, tmpdir, totalmem, type } from "node:os";
import { ROOT } from "./folders.ts";

export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly memoryGb: number;
  readonly system: string;
  readonly node: string;
  /** Over 1, 5 and 15 minutes, before anything of ours ran. */
  readonly loadBefore: readonly number[];
  /** Where the data lies: a file system in memory would make every sync free. */
  readonly fileSystem: string;
  readonly commit: string;
  readonly at: string;
}

const EXT4 = 0xef53;
const KNOWN: Readonly<Record<number, string>> = {
  [EXT4]: "ext4",
  0x01021994: "tmpfs",
  0x58465342: "xfs",
  0x9123683e: "btrfs",
  0x794c7630: "overlay",
};

export function machineFacts(): Machine {
  const kind = statfsSync(tmpdir()).type;
  return {
    cores: cpus().length,
    processor: cpus()[0]?.model.trim() ?? "unknown",
    memoryGb: Math.round(totalmem() / 1024 ** 3),
    system: `${type()} ${release()}, ${distribution()}`,
    node: process.versions.node,
    loadBefore: loadavg().map((load) => Math.round(load * 100) / 100),
    fileSystem: KNOWN[kind] ?? `type 0x${kind.toString(16)}`,
    commit: commit(),
    at: new Date().toISOString(),
  };
}

function distribution(): string {
  try {
    return /^PRETTY_NAME="?([^"\n]*)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "unknown";
  } catch {
    return "unknown";
  }
}

function commit(): string {
  try {
    return execFileSync("git", ["describe", "--always", "--dirty"], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "ignore"],
    })
      .toString()
      .trim();
  } catch {
    return "unknown";
  }
}
