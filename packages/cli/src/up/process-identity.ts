import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";

/** A process id and its start instant: a number that was given out again does not pass for the one that had it. */
export const identityOf = (pid: number): string => `${pid}.${startInstant(pid)}`;

export const pidOf = (identity: string): number => Number(identity.split(".")[0]);

export function isRunning(identity: string): boolean {
  const pid = pidOf(identity);
  if (!Number.isSafeInteger(pid) || pid < 1) return false;
  try {
    process.kill(pid, 0);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  return !isZombie(pid) && identityOf(pid) === identity;
}

/** The command line of a process, undefined where there is none or it cannot be told. */
export function commandOf(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ").trim();
    return text === "" ? undefined : text;
  } catch {
    const { status, stdout } = spawnSync("ps", ["-o", "command=", "-p", String(pid)], { encoding: "utf8" });
    return status === 0 ? stdout.trim() : undefined;
  }
}

/** Counted behind the command's name, which may hold blanks; "0" where there is no /proc. */
const startInstant = (pid: number): string => statOf(pid)?.[19] ?? "0";

/** It has ended, and its parent has not asked how. */
const isZombie = (pid: number): boolean => statOf(pid)?.[0] === "Z";

function statOf(pid: number): string[] | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}
