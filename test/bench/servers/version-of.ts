import { execFile } from "node:child_process";
import { accessSync, constants, readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import { PEERS } from "../folders.ts";

const run = promisify(execFile);

export async function versionOf(
  command: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { stdout } = await run(command, ["--version"], { env: { ...process.env, ...env } });
  return /\d+\.\d+(\.\d+)?/.exec(stdout)?.[0] ?? stdout.trim();
}

/** The version of a package that the peers' workspace has installed. */
export function packageVersion(name: string): string {
  const manifest = readFileSync(join(PEERS, "node_modules", name, "package.json"), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}

export function findOnPath(name: string): string | undefined {
  return (process.env["PATH"] ?? "")
    .split(delimiter)
    .map((folder) => join(folder, name))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
