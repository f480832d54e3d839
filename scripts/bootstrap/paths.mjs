// Where things are, and how the bootstrap speaks.
import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), "../..");
export const CACHE = path.join(ROOT, ".cache");
export const BIN = path.join(CACHE, "bin");

/** Something a person has to do; shown without a stack. */
export class SetupError extends Error {}

/** Progress goes to stderr: stdout belongs to the command. */
export function say(message) {
  process.stderr.write(`bootstrap: ${message}\n`);
}

const said = new Set();

/** For what a check finds: the check runs before, under and after the lock. */
export function sayOnce(message) {
  if (said.has(message)) return;
  said.add(message);
  say(message);
}

export function inRoot(...parts) {
  return path.join(ROOT, ...parts);
}

export function readJson(file) {
  return JSON.parse(fs.readFileSync(file, "utf8"));
}

export function readTextOrEmpty(file) {
  try {
    return fs.readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** Written beside, then renamed: a reader never sees half of it. */
export function writeWhole(file, text, mode = 0o644) {
  const part = `${file}.part-${process.pid}`;
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(part, text, { mode });
  fs.renameSync(part, file);
}

/** Fills a new folder with `fill(part)` and puts it at `folder`; what a crash left behind is removed first. */
export async function makeFolderWhole(folder, fill) {
  const parent = path.dirname(folder);
  fs.mkdirSync(parent, { recursive: true });
  for (const name of fs.readdirSync(parent)) {
    if (name.startsWith(`${path.basename(folder)}.part-`)) removeFolder(path.join(parent, name));
  }
  const part = `${folder}.part-${process.pid}`;
  fs.mkdirSync(part);
  try {
    const filled = await fill(part);
    removeFolder(folder);
    fs.renameSync(part, folder);
    return filled;
  } finally {
    removeFolder(part);
  }
}

export function removeFolder(folder) {
  fs.rmSync(folder, { recursive: true, force: true });
}

export function findOnPath(name, pathText = process.env.PATH || "") {
  for (const folder of pathText.split(path.delimiter)) {
    const file = path.join(folder, name);
    if (folder !== "" && isExecutable(file)) return file;
  }
  return undefined;
}

export function isExecutable(file) {
  try {
    fs.accessSync(file, fs.constants.X_OK);
    return fs.statSync(file).isFile();
  } catch {
    return false;
  }
}
