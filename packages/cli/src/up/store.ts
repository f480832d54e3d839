import { mkdirSync, mkdtempSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FailedError } from "../errors.ts";
import { takeLock } from "./owner-lock.ts";

/** The folder that one `up` keeps everything in: the broker's store, its configuration, logs, the url. */
export interface Store {
  readonly path: string;
  /** A new file for what a process prints; the last run's is kept beside it. */
  openLog(name: string): LogFile;
  /** Where other commands find the mesh. */
  writeUrl(url: string): void;
  close(): void;
  /** With everything in it. */
  remove(): void;
}

export interface LogFile {
  readonly path: string;
  readonly fd: number;
  /** Its last lines, for a failure's message. */
  tail(): string;
}

/** Opens a store, a throw-away one where no path is given; refuses one that another `up` uses. */
export function openStore(given: string | undefined): Store {
  const path = given ?? mkdtempSync(join(tmpdir(), "jetmesh-once-"));
  mkdirSync(join(path, "logs"), { recursive: true });
  const lock = takeLock(path);
  if (lock.kind === "held") {
    throw new FailedError(
      `another \`up\` (process ${lock.pid}) runs on ${path}\n  use that one, stop it, or run this one elsewhere with --store DIR`,
    );
  }
  const urlFile = join(path, "url");
  return {
    path,
    openLog: (name) => openLog(join(path, "logs", `${name}.log`)),
    writeUrl(url) {
      // Beside, then renamed: a reader never sees half of it.
      writeFileSync(`${urlFile}.part`, `${url}\n`);
      renameSync(`${urlFile}.part`, urlFile);
    },
    close() {
      rmSync(urlFile, { force: true });
      lock.release();
    },
    remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}

function openLog(path: string): LogFile {
  try {
    renameSync(path, `${path}.1`);
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code !== "ENOENT") throw thrown;
  }
  return {
    path,
    fd: openSync(path, "a"),
    tail: () => readFileSync(path, "utf8").trimEnd().split("\n").slice(-5).join("\n").slice(-2_000),
  };
}
