import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

const FIRST_LOOK_MS = 2;
const LAST_LOOK_MS = 100;

/** False: the group has no process left. */
export function signalGroup(id: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-id, signal);
  } catch (error) {
    // EPERM: there are some, and they belong to somebody else.
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

/**
 * SIGTERM, then SIGKILL after the grace, and resolves when the group is empty; `leaderEnded` is the end of its
 * first process, which this process must have seen before the group can be.
 */
export async function endGroup(id: number, graceMs: number, leaderEnded: Promise<unknown>): Promise<void> {
  if (!signalGroup(id, "SIGTERM")) return;
  const kill = setTimeout(() => signalGroup(id, "SIGKILL"), graceMs);
  try {
    await leaderEnded;
    for (let waitMs = FIRST_LOOK_MS; await isRunning(id); waitMs = Math.min(waitMs * 2, LAST_LOOK_MS)) {
      await sleep(waitMs);
    }
  } finally {
    clearTimeout(kill);
  }
}

async function isRunning(id: number): Promise<boolean> {
  if (!signalGroup(id, 0)) return false;
  // A signal reaches zombies too, and in a container nobody may ever collect an orphan that has ended.
  return process.platform === "linux" ? await hasLivingMember(id) : true;
}

async function hasLivingMember(group: number): Promise<boolean> {
  const names = await readdir("/proc").catch(() => undefined);
  // Out of file descriptors, say: nobody knows, so look again.
  if (names === undefined) return true;
  for (const name of names) {
    if (!/^\d+$/.test(name)) continue;
    const stat = await readFile(`/proc/${name}/stat`, "latin1").catch(() => "");
    // pid (name) state parent group …: the name may hold blanks and parentheses.
    const [state, , pgrp] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (pgrp === String(group) && state !== "Z" && state !== "X") return true;
  }
  return false;
}
