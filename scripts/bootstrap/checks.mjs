// Lint, types and boundaries. All of them run, so that one look shows every fault.
import fs from "node:fs";
import path from "node:path";
import { NODE } from "./node-runtime.mjs";
import { inRoot, readJson, say } from "./paths.mjs";
import { runInTurn } from "./processes.mjs";

const SOURCE_FOLDERS = ["protocol", "packages", "services", "test", "examples", "scripts"];

/** The script behind a tool's command: run directly, because the shims in node_modules/.bin take the PATH's Node. */
export function toolScript(packageName, command) {
  const folder = inRoot("node_modules", packageName);
  const { bin } = readJson(path.join(folder, "package.json"));
  return path.join(folder, typeof bin === "string" ? bin : bin[command]);
}

function runTool(packageName, command, args) {
  return runInTurn(NODE, [toolScript(packageName, command), ...args]);
}

export async function runLint() {
  const biome = await runTool("@biomejs/biome", "biome", ["check", "."]);
  const eslint = await runTool("eslint", "eslint", ["."]);
  return biome || eslint;
}

export function runFormat() {
  return runTool("@biomejs/biome", "biome", ["check", "--write", "."]);
}

export function runTypes() {
  return runTool("typescript", "tsc", ["-p", "."]);
}

export function runBoundaries() {
  const folders = SOURCE_FOLDERS.filter((folder) => fs.existsSync(inRoot(folder)));
  return runTool("dependency-cruiser", "depcruise", ["--config", ".dependency-cruiser.cjs", ...folders]);
}

export async function runChecks() {
  const failed = [];
  for (const [name, run] of [
    ["lint", runLint],
    ["types", runTypes],
    ["boundaries", runBoundaries],
  ]) {
    if ((await run()) !== 0) failed.push(name);
  }
  if (failed.length > 0) say(`failed: ${failed.join(", ")}`);
  return failed.length === 0 ? 0 : 1;
}
