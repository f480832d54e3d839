import type { CommandRow } from "./command-table.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

interface Table {
  readonly rows: readonly CommandRow[];
  readonly withValue: readonly string[];
}

/** The script that a shell reads to complete command lines. */
export const shellScript = (shell: Shell, table: Table): string =>
  ({ bash: bashScript, zsh: zshScript, fish: fishScript })[shell](table);

/**
 * Finds the command that is being typed and what stands behind it; written so that bash and zsh read it alike, with
 * positions counted in words rather than by the index of arrays, which begins at 0 in one and at 1 in the other. No variable
 * is called path: in zsh that is PATH.
 */
const finder = ({ rows, withValue }: Table): string => `_jm_words() {
  # The words before the one that is being typed, without the name of the program.
  local word skip="" typed="" first="" count=0 candidates="" url="" user=""
  for word in "$@"; do
    case "$skip" in
      --url) url="$word"; skip=""; continue ;;
      --user) user="$word"; skip=""; continue ;;
      ?*) skip=""; continue ;;
    esac
    case "$word" in
      ${withValue.join("|")}) skip="$word"; continue ;;
      -*) continue ;;
    esac
    case "$typed $word" in
      ${rows
        .slice(1)
        .map(({ path }) => `" ${path}"`)
        .join("|")}) typed="$typed $word" ;;
      *) if [ "$count" = 0 ]; then first="$word"; fi; count=$((count + 1)) ;;
    esac
  done
  # The value of a flag may be anything.
  if [ -n "$skip" ]; then return; fi
  case "$typed" in
${rows.map(caseOf).join("\n")}
  esac
  printf '%s\\n' $(printf '%s' "$candidates")
}

_jm_ask() {
  jm \${url:+--url "$url"} \${user:+--user "$user"} complete "$@" 2>/dev/null
}`;

function caseOf(row: CommandRow): string {
  const words = [...row.subcommands, ...row.flags].join(" ");
  const asks = row.arguments.flatMap((kind, index) => {
    if (kind === undefined) return [];
    const ask = kind === "actions" ? `_jm_ask actions "$first"` : `_jm_ask ${kind}`;
    return [`      if [ "$count" = ${index} ]; then candidates="$candidates $(${ask})"; fi`];
  });
  const pattern = row.path === "" ? '""' : `" ${row.path}"`;
  return [`    ${pattern})`, `      candidates="${words}"`, ...asks, "      ;;"].join("\n");
}

const bashScript = (table: Table): string => `# Completion of jm for bash: source <(jm completion bash)
${finder(table)}

_jm() {
  local current="\${COMP_WORDS[COMP_CWORD]}"
  COMPREPLY=($(compgen -W "$(_jm_words "\${COMP_WORDS[@]:1:COMP_CWORD-1}")" -- "$current"))
}
complete -o default -F _jm jm jetmesh
`;

const zshScript = (table: Table): string => `#compdef jm jetmesh
# Completion of jm for zsh: source <(jm completion zsh)
${finder(table).replace("  local word", "  emulate -L zsh; setopt sh_word_split\n  local word")}

_jm() {
  local -a candidates
  candidates=("\${(@f)$(_jm_words "\${(@)words[2,CURRENT-1]}")}")
  compadd -a candidates || _files
}
compdef _jm jm jetmesh
`;

/** Of its own syntax fish needs next to nothing: the words are found by the same function, run by sh. */
const fishScript = (table: Table): string => `# Completion of jm for fish: jm completion fish | source
function __jm_words
  set -l words (commandline -opc)
  sh -c ${fishQuote(`${finder(table).replaceAll("  local word", "  word")}\n_jm_words "$@"`)} jm $words[2..-1]
end
complete -c jm -f -a "(__jm_words)"
complete -c jetmesh -f -a "(__jm_words)"
`;

const fishQuote = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
