import { quoted } from "../ssh/remote-script.ts";
import type { WantedFile } from "./wanted-file.ts";

/**
 * The same on another machine, in POSIX shell. The content is a variable that is not exported and written by a `printf` of the
 * shell itself, so that it is in no list of processes. A file that was there gives its mode and its owner by `cp -p`.
 */
const BOTH = `
umask 077
fail() { echo "$1" >&2; exit 1; }
end() { printf '%s %s\\n' "$1" "$path"; exit 0; }
`;

const WRITE = `
[ "$(command -v printf)" = printf ] || fail "the printf of /bin/sh is not its own"
[ -L "$path" ] && [ ! -e "$path" ] && fail "$path is a link that leads nowhere"
target=$(readlink -f -- "$path") || target=$path
[ -e "$target" ] && [ ! -f "$target" ] && fail "$path is no regular file"
folder=$(dirname -- "$target")
[ -d "$folder" ] || fail "$folder is no directory"
begun="$folder/.$(basename -- "$target" | cut -c 1-100).jm-$step-"
rm -f -- "$begun"*
begun="$begun$try"
trap 'rm -f -- "$begun"' EXIT
trap 'exit 1' HUP INT TERM
locked=
if [ -e "$target" ]; then
  cp -p -- "$target" "$begun" || exit 1
  if [ -n "$mode" ]; then chmod 600 "$begun" || exit 1
  elif [ ! -w "$begun" ]; then locked=1; chmod u+w "$begun" || exit 1; fi
else
  [ -n "$mode" ] || mode=0644
fi
printf %s "$content" >"$begun" || exit 1
if [ -e "$target" ]; then
  has=$(find "$target" -prune -perm "$mode" 2>/dev/null)
  if cmp -s -- "$begun" "$target" && { [ -z "$mode" ] || [ -n "$has" ]; }; then end unchanged; fi
  [ "$exists" = keep ] && end kept
  [ "$exists" = error ] && fail "$path is there already, and is another"
fi
if [ -n "$mode" ]; then chmod "$mode" "$begun" || exit 1; fi
if [ -n "$locked" ]; then chmod u-w "$begun" || exit 1; fi
mv -f -- "$begun" "$target" || exit 1
end written
`;

const REMOVE = `
[ -e "$path" ] || [ -L "$path" ] || end unchanged
rm -- "$path" || exit 1
end removed
`;

export function remoteScript({ path, content, mode = "", exists, unfinished }: WantedFile): string {
  const variables = {
    path,
    mode,
    exists,
    step: unfinished.ofStep,
    try: unfinished.ofTry,
    content: content ?? "",
  };
  const set = Object.entries(variables).map(([name, value]) => `${name}=${quoted(value)}\n`);
  return `${set.join("")}${BOTH}${content === undefined ? REMOVE : WRITE}`;
}
