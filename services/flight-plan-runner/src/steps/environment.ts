/** What a step may see of the runner's own environment: nothing that carries a credential. */
const INHERITED = ["PATH", "HOME", "LANG", "USER", "TMPDIR", "SHELL", "TZ"];

/** The runner's environment does not change while it runs, and reading all of it is slow. */
const inherited = inheritedFrom(process.env);

/** The environment of a step's processes; later ones win. */
export function stepEnvironment(
  ...parts: readonly Readonly<Record<string, string>>[]
): Record<string, string> {
  return Object.assign({}, inherited, ...parts) as Record<string, string>;
}

/** `JM_VAR_<NAME>` for each variable; lists and objects as JSON, null as nothing. */
export function variableEnvironment(variables: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(variables).map(([name, value]) => [`JM_VAR_${name.toUpperCase()}`, asText(value)]),
  );
}

export function inheritedFrom(environment: NodeJS.ProcessEnv): Record<string, string> {
  const names = Object.keys(environment).filter((name) => INHERITED.includes(name) || name.startsWith("LC_"));
  return Object.fromEntries(names.map((name) => [name, environment[name] ?? ""]));
}

function asText(value: unknown): string {
  if (value === null || value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
