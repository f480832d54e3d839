// One bootstrap sets up at a time. The lock is a folder that holds one file named after its owner:
//   taking        a folder prepared with the owner's file is renamed to `.cache/lock`; that fails while one is there
//   taking over   the dead owner's file is renamed to one's own; of several that try, one wins
//   releasing     the folder is renamed away, then removed
// An owner is a process id and its start instant, so that a reused process id does not pass for it.
import fs from "node:fs";
import path from "node:path";
import { CACHE, readTextOrEmpty, removeFolder, say } from "./paths.mjs";

const LOCK = path.join(CACHE, "lock");
const RETRY_MS = 100;

/** Field 22 of /proc/PID/stat, counted behind the command's name, which may hold spaces; "0" where there is no /proc. */
function startInstant(pid) {
  const stat = readTextOrEmpty(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] || "0";
}

function ownerName(pid) {
  return `${pid}.${startInstant(pid)}`;
}

function isAlive(owner) {
  const pid = Number(owner.split(".")[0]);
  try {
    process.kill(pid, 0);
  } catch (error) {
    if (error.code === "ESRCH") return false;
  }
  return ownerName(pid) === owner;
}

function currentOwner() {
  try {
    return fs.readdirSync(LOCK)[0];
  } catch {
    return undefined;
  }
}

function take(me) {
  const prepared = `${LOCK}.${me}`;
  removeFolder(prepared);
  fs.mkdirSync(prepared, { recursive: true });
  fs.writeFileSync(path.join(prepared, me), "");
  try {
    fs.renameSync(prepared, LOCK);
    return true;
  } catch (error) {
    removeFolder(prepared);
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
    return false;
  }
}

function takeOver(deadOwner, me) {
  try {
    fs.renameSync(path.join(LOCK, deadOwner), path.join(LOCK, me));
    return true;
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    return false;
  }
}

function release(me) {
  const released = `${LOCK}.${me}`;
  fs.renameSync(LOCK, released);
  removeFolder(released);
}

export async function withLock(work) {
  const me = ownerName(process.pid);
  let hasSaid = false;
  for (;;) {
    if (take(me)) break;
    const owner = currentOwner();
    if (owner === undefined) continue;
    if (!isAlive(owner) && takeOver(owner, me)) break;
    if (!hasSaid) say(`waiting for another bootstrap (process ${owner.split(".")[0]})`);
    hasSaid = true;
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  try {
    return await work();
  } finally {
    release(me);
  }
}
