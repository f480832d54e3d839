import { chownSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Resources } from "../resources.ts";

/** A folder for a server's data, gone with the run. */
export function scratchFolder(
  name: string,
  resources: Resources,
  owner?: { readonly uid: number; readonly gid: number },
): string {
  const folder = mkdtempSync(join(tmpdir(), `jm-bench-${name}-`));
  if (owner !== undefined) chownSync(folder, owner.uid, owner.gid);
  resources.add(folder, async () => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
