import { namesReadBy, type TemplateValues } from "./render.ts";

type Path = readonly (string | number)[];

/** The values of the secrets that a step names, by name. */
export type Secrets = Readonly<Record<string, string>>;

const SECRETS = "secrets";

/**
 * Where in a step a secret may stand (ADR 0038): where it reaches a process or another machine without being seen in a list of
 * processes, and is written down nowhere. A verb that takes secrets has its place here and renders it by `withSecrets`.
 */
const PLACES: readonly RegExp[] = [
  /^(undo\.)?env\./,
  /^(undo\.|wait\.until\.)?http\.(url|body|headers\..*)$/,
  /^(undo\.)?file\.content$/,
];
const WHERE = "env, http.url, http.headers, http.body, file.content";

const mayStandAt = (path: Path): boolean => PLACES.some((place) => place.test(path.join(".")));

/** What templates see where secrets may stand, and nowhere else. */
export const withSecrets = (values: TemplateValues, secrets: Secrets): TemplateValues =>
  Object.keys(secrets).length === 0 ? values : { ...values, [SECRETS]: secrets };

/** Why a string of a step may not name the secrets that it does; undefined where it may, or names none. */
export function secretsFaultOf(template: string, within: Path): string | undefined {
  const named = readsOf(template);
  if (named.length === 0) return undefined;
  if (!mayStandAt(within)) return `secrets may stand in ${WHERE} alone`;
  return named.every(isNamed) ? undefined : "names no secret: write {{ secrets.name }}";
}

/** The secrets that a step names, each once. */
export function secretNamesOf(step: object): string[] {
  const found = new Set<string>();
  const visit = (value: unknown, within: Path): void => {
    if (typeof value === "string") {
      if (value.includes(SECRETS) && mayStandAt(within))
        for (const path of readsOf(value)) if (isNamed(path)) found.add(path[1] ?? "");
    } else if (typeof value === "object" && value !== null)
      for (const [key, each] of Object.entries(value)) visit(each, [...within, key]);
  };
  visit(step, []);
  return [...found];
}

const isNamed = (path: readonly (string | null)[]): boolean => path.length === 2 && path[1] !== null;

function readsOf(template: string): readonly (readonly (string | null)[])[] {
  if (!template.includes(SECRETS)) return [];
  try {
    return namesReadBy(template).filter(([first]) => first === SECRETS);
  } catch {
    // No template at all: who renders it says so.
    return [];
  }
}
