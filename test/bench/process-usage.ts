import { readdirSync, readFileSync } from "node:fs";

/** What trees of processes used, read from /proc. */
const TICK_MS = 10;

interface Stat {
  readonly pid: number;
  readonly parent: number;
  readonly cpuMs: number;
}

function statOf(pid: number): Stat | undefined {
  try {
    const text = readFileSync(`/proc/${String(pid)}/stat`, "utf8");
    // Behind the command's name, which may hold spaces: state, parent, … utime, stime, cutime, cstime.
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const ticks = [11, 12, 13, 14].reduce((sum, at) => sum + Number(fields[at]), 0);
    return { pid, parent: Number(fields[1]), cpuMs: ticks * TICK_MS };
  } catch {
    return undefined;
  }
}

export function signalTrees(roots: readonly number[], signal: NodeJS.Signals): void {
  for (const { pid } of trees(roots)) {
    try {
      process.kill(pid, signal);
    } catch {
      // Gone meanwhile.
    }
  }
}

/**
 * User and system time of the trees, with that of children which have ended: their parent has it when it has taken
 * note of their end, so that the sum goes on growing by what is used.
 */
export function cpuMsOf(roots: readonly number[]): number {
  return trees(roots).reduce((sum, { cpuMs }) => sum + cpuMs, 0);
}

/** Resident memory, where what several processes share counts once. */
export function memoryOf(roots: readonly number[]): number {
  return trees(roots).reduce((sum, { pid }) => sum + proportionalSize(pid), 0);
}

function trees(roots: readonly number[]): Stat[] {
  const all = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => statOf(Number(name)) ?? []);
  const found = new Map(all.filter(({ pid }) => roots.includes(pid)).map((stat) => [stat.pid, stat]));
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const stat of all) if (found.has(stat.parent)) found.set(stat.pid, stat);
  }
  return [...found.values()];
}

function proportionalSize(pid: number): number {
  try {
    const text = readFileSync(`/proc/${String(pid)}/smaps_rollup`, "utf8");
    return Number(/^Pss:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
  } catch {
    // Gone meanwhile, or of another user where we are not root.
    return residentSize(pid);
  }
}

function residentSize(pid: number): number {
  try {
    const text = readFileSync(`/proc/${String(pid)}/status`, "utf8");
    return Number(/^RssAnon:\s+(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
