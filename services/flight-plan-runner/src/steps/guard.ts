import { type ChildProcess, spawn } from "node:child_process";

/**
 * The guard ends the processes of steps when the runner is gone, however it went, or does not live any more: one that
 * is stopped or hangs ends nothing by itself, while others take over what it held.
 *
 * G1  One small `sh` per runner process, in a session of its own. The runner holds the only other end of its
 *     standard input, so the kernel closes it with the runner, after a SIGKILL too.
 * G2  A group is told to the guard before anything of the step runs: the step's first process waits for a line
 *     from the runner (`shell.ts`), and gets it after the guard's line is in the pipe. A runner that dies in
 *     between leaves a process that reads the end of its input and exits.
 * G3  A group is taken back only once it is empty, so the leftovers of a step are guarded as well. The guard is
 *     no member of the groups: an empty group can be told from one that lives on.
 * G4  The guard is told of every renewal of the runner's presence. Where it hears of none for as long as the runner
 *     itself would wait before it ends its work, and up to a fifth longer, it ends the groups: before the presence
 *     runs out and another may run an idempotent step again (design §2, Known dead).
 *
 * The module holds it, because it belongs to the process and to nothing smaller.
 */
const SCRIPT = `
tick=$1 most=$2 missed=$3 groups=" " ticked=
end_groups() { for group in $groups; do kill -s KILL -- "-$group"; done; }
if [ "$most" -gt 0 ]; then
  trap 'ticked=1' USR1
  (trap - USR1; while sleep "$tick" && kill -s USR1 $$; do :; done) </dev/null &
fi
while :; do
  if read -r order group; then
    case $order in
      +) case $groups in *" $group "*) ;; *) groups="$groups$group " ;; esac ;;
      -) case $groups in *" $group "*) groups="\${groups%%" $group "*} \${groups#*" $group "}" ;; esac ;;
      =) missed=0 ;;
    esac
  elif [ -z "$ticked" ]; then
    break
  fi
  if [ -n "$ticked" ]; then
    ticked= missed=$((missed + 1))
    [ "$missed" -lt "$most" ] || end_groups
  fi
done
end_groups
`;

const guarded = new Set<number>();
let guard: ChildProcess | undefined;
/** `tick`: seconds between two looks of the guard; `most`: so many without a renewal end the groups, 0 = none do. */
let lease = { tick: 1, most: 0, renewedAt: 0 };

/** From now on the guard ends the groups where `renewLease` is not called for so long. To be called before any step. */
export function leaseGroups(lostMs: number): void {
  const tick = Math.max(1, Math.floor(lostMs / 5_000));
  lease = { tick, most: Math.ceil(lostMs / 1_000 / tick) + 1, renewedAt: performance.now() };
}

/** The runner lives, and the others know it. */
export function renewLease(): void {
  lease.renewedAt = performance.now();
  // One that is not there yet is told when it starts.
  if (guard !== undefined) tell("=\n").catch(() => undefined);
}

/** Resolves when the guard is sure to end the group `id` should this process die; rejects where there is none. */
export async function guardGroup(id: number): Promise<void> {
  guarded.add(id);
  try {
    await tell(`+ ${String(id)}\n`);
  } catch {
    // It was killed: the next one.
    await tell(`+ ${String(id)}\n`);
  }
}

/** The group is empty. */
export function releaseGroup(id: number): void {
  guarded.delete(id);
  // The next guard is not told of it at all.
  if (guard !== undefined) tell(`- ${String(id)}\n`).catch(() => undefined);
}

function tell(line: string): Promise<void> {
  guard ??= startGuard();
  const { stdin } = guard;
  return new Promise((resolve, reject) => {
    if (stdin === null) reject(new Error("the guard of step processes has no input"));
    else stdin.write(line, (error) => (error ? reject(error) : resolve()));
  });
}

function startGuard(): ChildProcess {
  const { tick, most, renewedAt } = lease;
  const missed = most === 0 ? 0 : Math.ceil((performance.now() - renewedAt) / 1_000 / tick);
  const args = [tick, most, missed].map(String);
  const child = spawn("/bin/sh", ["-c", SCRIPT, "jetmesh-guard", ...args], {
    cwd: "/",
    env: {},
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
  });
  const gone = (): void => {
    if (guard === child) guard = undefined;
  };
  child.on("exit", () => {
    gone();
    // Somebody killed it: those it guarded need another at once.
    if (guarded.size > 0) guard ??= startGuard();
  });
  child.on("error", gone);
  child.stdin.on("error", gone);
  // It must not keep a runner alive that has nothing left to do.
  child.unref();
  (child.stdin as typeof child.stdin & { unref(): void }).unref();
  for (const id of guarded) child.stdin.write(`+ ${String(id)}\n`);
  return child;
}
