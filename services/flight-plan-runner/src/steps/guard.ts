import { type ChildProcess, spawn } from "node:child_process";

/**
 * The guard ends the processes of steps when the runner is gone, however it went.
 *
 * G1  One small `sh` per runner process, in a session of its own. The runner holds the only other end of its
 *     standard input, so the kernel closes it with the runner, after a SIGKILL too.
 * G2  A group is told to the guard before anything of the step runs: the step's first process waits for a line
 *     from the runner (`shell.ts`), and gets it after the guard's line is in the pipe. A runner that dies in
 *     between leaves a process that reads the end of its input and exits.
 * G3  A group is taken back only once it is empty, so the leftovers of a step are guarded as well. The guard is
 *     no member of the groups: an empty group can be told from one that lives on.
 *
 * The module holds it, because it belongs to the process and to nothing smaller.
 */
const SCRIPT = `
groups=" "
while read -r order group; do
  case $order in
    +) case $groups in *" $group "*) ;; *) groups="$groups$group " ;; esac ;;
    -) case $groups in *" $group "*) groups="\${groups%%" $group "*} \${groups#*" $group "}" ;; esac ;;
  esac
done
for group in $groups; do kill -s KILL -- "-$group"; done
`;

const guarded = new Set<number>();
let guard: ChildProcess | undefined;

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
  const child = spawn("/bin/sh", ["-c", SCRIPT, "jetmesh-guard"], {
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
