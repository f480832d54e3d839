// Ends with another process: however that one goes, it is noticed within a second.
import { readFileSync } from "node:fs";
import { setInterval } from "node:timers";
import { readJson, writeJson } from "./site.mjs";

const LOOK_EVERY_MS = 500;

export function watchLifeline(pid, end) {
  const before = bornAt(pid);
  const look = () => {
    // The same number with another birth is another process.
    if (!isRunning(pid) || bornAt(pid) !== before) end();
  };
  setInterval(look, LOOK_EVERY_MS);
  look();
}

/** A lifeline holds for later starts that name none, for as long as its process lives. 0 is none. */
export function keepLifeline(file, pid) {
  if (pid !== 0) {
    writeJson(file, { pid, born: bornAt(pid) });
    return pid;
  }
  const kept = readJson(file);
  if (kept === undefined) return 0;
  return isRunning(kept.pid) && bornAt(kept.pid) === kept.born ? kept.pid : 0;
}

function isRunning(pid) {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error.code === "EPERM";
  }
  // A zombie has ended, and may never be collected.
  return statOf(pid)?.[0] !== "Z";
}

/** In ticks since the machine started; undefined where there is no /proc. */
const bornAt = (pid) => statOf(pid)?.[19];

/** From the process's state on: its name, before that, may hold blanks. */
function statOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return undefined;
  }
}
