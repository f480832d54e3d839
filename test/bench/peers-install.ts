import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { promisify } from "node:util";
import { Unavailable } from "./engine.ts";
import { PEERS, PNPM } from "./folders.ts";
import { say } from "./say.ts";

/** The peers' packages, as their lock file says; asked for by the first peer that starts, done once. */
let installing: Promise<void> | undefined;
export function installPeers(): Promise<void> {
  return (installing ??= install());
}

const STAMP = join(PEERS, "node_modules/.installed");

function wantedStamp(): string {
  const hash = createHash("sha256").update(process.versions.node);
  for (const name of ["package.json", "pnpm-lock.yaml", "pnpm-workspace.yaml"])
    hash.update(readFileSync(join(PEERS, name)));
  return hash.digest("hex");
}

async function install(): Promise<void> {
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === wantedStamp()) return;
  if (!existsSync(PNPM)) throw new Unavailable("the set-up's pnpm is not there: run by `npm run bench`");
  say("installing the peers' packages into test/bench/peers/node_modules (some 270 MB)");
  try {
    await promisify(execFile)(PNPM, ["install", "--frozen-lockfile"], {
      cwd: PEERS,
      env: {
        ...process.env,
        PATH: [dirname(PNPM), process.env["PATH"] ?? ""].join(delimiter),
        SCARF_ANALYTICS: "false",
      },
    });
  } catch (thrown) {
    const { stdout = "", message } = thrown as Error & { stdout?: string };
    const [line] = stdout.split("\n").filter((one) => one.includes("ERR"));
    throw new Unavailable(
      `the peers' packages could not be installed: ${line ?? message.split("\n")[0] ?? ""}`,
    );
  }
  writeFileSync(STAMP, wantedStamp());
}
