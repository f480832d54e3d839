/**
 * What runs on the other machine. The user's shell is given a guard that never changes; what the step runs comes by the
 * guard's standard input, so that no variable is seen in a list of processes, and a connection that is lost before all of
 * it was sent runs nothing. The command has a session of its own. A line behind that has its group get SIGTERM; at the end
 * of the guard's input, as when the runner is killed or the connection closed, it gets SIGKILL at once: another runner may
 * run the step again. What the command left behind when it ended gets SIGTERM, and SIGKILL after the grace.
 */
const GUARD = `
trap : HUP INT TERM
script= line=
while IFS= read -r line && [ "$line" != "$2" ]; do script="$script$line
"; done
[ "$line" = "$2" ] || exit 1
command -v setsid >/dev/null || { echo "setsid is not there" >&2; exit 127; }
exec 3<&0
printf %s "$script" | setsid /bin/sh -c 'script=$(cat); exec </dev/null 3<&-; eval "$script"' &
group=$!
end_group() {
  kill -s TERM -- "-$group" || return 0
  left=$(($1 * 10))
  while [ "$left" -gt 0 ] && kill -s 0 -- "-$group"; do
    sleep 0.1 || { sleep 1; left=$((left - 9)); }
    left=$((left - 1))
  done
  kill -s KILL -- "-$group"
} 2>/dev/null
{ while read -r line; do kill -s TERM -- "-$group"; done; kill -s KILL -- "-$group"; } <&3 >/dev/null 2>&1 &
watch=$!
exec 3<&- </dev/null
while :; do wait "$group"; code=$?; kill -s 0 "$group" 2>/dev/null || break; done
end_group "$1"
kill -s KILL "$watch" 2>/dev/null
exit "$code"
`;

export interface RemoteCommand {
  readonly argv: readonly string[];
  readonly cwd?: string | undefined;
  readonly env: Readonly<Record<string, string>>;
}

/** One word for a POSIX shell, whatever is in it. */
export const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

/** What the user's shell is told to run, as whom; the script that it is given ends with the line `end`. */
export function guardLine(sudo: string | undefined, graceMs: number, end: string): string {
  const as = sudo === undefined ? "" : `sudo -n -u ${quoted(sudo)} -- `;
  return `exec ${as}/bin/sh -c ${quoted(GUARD)} jetmesh-step ${String(Math.ceil(graceMs / 1_000))} ${quoted(end)}`;
}

/** What the guard has run. */
export function scriptOf({ argv, cwd, env }: RemoteCommand): string {
  const exports = Object.entries(env).map(([name, value]) => `export ${name}=${quoted(value)}\n`);
  const move = cwd === undefined ? "" : `cd -- ${quoted(cwd)} || exit 1\n`;
  // `exec` alone would find the shell's own commands in some shells.
  return `${move}${exports.join("")}exec env -- ${argv.map(quoted).join(" ")}`;
}
