import { readFileSync } from "node:fs";

/** What a witness has written so far, line by line; nothing where it has not come to write. */
export function linesOf(file: string): string[] {
  try {
    return readFileSync(file, "utf8").split("\n").filter(Boolean);
  } catch {
    return [];
  }
}
