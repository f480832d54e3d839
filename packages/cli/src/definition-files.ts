import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { UsageError } from "./errors.ts";
import type { SourceText } from "./yaml-documents.ts";

/** What `-f` names: a file, a folder of *.yaml and *.yml in the order of their names, or - for what is piped in. */
export function readSources(names: readonly string[], readStdin: () => string = readPipedIn): SourceText[] {
  return names.flatMap((name) => {
    if (name === "-") return [{ source: "-", text: readStdin() }];
    return filesOf(name).map((source) => ({ source, text: readFileSync(source, "utf8") }));
  });
}

function filesOf(name: string): string[] {
  if (!existsSync(name)) throw new UsageError(`there is no file or folder '${name}'`);
  if (!statSync(name).isDirectory()) return [name];
  const files = readdirSync(name)
    .filter((file) => /\.ya?ml$/.test(file))
    .sort()
    .map((file) => join(name, file));
  if (files.length === 0) throw new UsageError(`the folder '${name}' has no *.yaml or *.yml`);
  return files;
}

const readPipedIn = (): string => readFileSync(0, "utf8");
