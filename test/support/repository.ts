import { execFile } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";

/** The root of the checkout that these tests are part of. */
export const ROOT = resolve(import.meta.dirname, "../..");

export const SOURCE_FOLDERS = ["protocol", "packages", "services", "test", "examples", "scripts"] as const;

/** Folders of the workspace that have a package.json, the root first as ".". */
export function workspacePackages(root = ROOT): string[] {
  const below = ["packages", "services"].flatMap((parent) =>
    readdirSync(join(root, parent)).map((name) => join(parent, name)),
  );
  return [".", "protocol", "test", ...below].filter((folder) =>
    existsSync(join(root, folder, "package.json")),
  );
}

export type CruiseViolation = { readonly rule: { readonly name: string }; readonly from: string };
export type CruiseSummary = {
  readonly violations: readonly CruiseViolation[];
  readonly error: number;
};
export type CruiseReport = {
  readonly modules: readonly { readonly source: string }[];
  readonly summary: CruiseSummary;
};

const run = promisify(execFile);

/** What the boundary rules say about a checkout: the command that `check` runs, with a report for machines. */
export async function cruise(root: string): Promise<CruiseReport> {
  const tool = join(ROOT, "node_modules/dependency-cruiser");
  const { bin } = JSON.parse(readFileSync(join(tool, "package.json"), "utf8")) as {
    bin: { depcruise: string };
  };
  const folders = SOURCE_FOLDERS.filter((folder) => existsSync(join(root, folder)));
  const args = ["--config", ".dependency-cruiser.cjs", "--output-type", "json", ...folders];
  const { stdout } = await run(process.execPath, [join(tool, bin.depcruise), ...args], {
    cwd: root,
    maxBuffer: 64 * 1024 * 1024,
  });
  return JSON.parse(stdout) as CruiseReport;
}
