import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import {
  chownSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { eventually } from "@jetmesh/testkit";
import { libraryFolders, unpacked } from "../bench/servers/debian-packages.ts";

/**
 * An sshd of Debian's, on loopback, as a user who is not root and logs in as himself. Tests that root runs have a user of
 * their own, by a library that answers for /etc/passwd: nothing of the machine is changed.
 */
const UID = 12_345;
const AS_TESTER = ["setpriv", `--reuid=${String(UID)}`, `--regid=${String(UID)}`, "--clear-groups"];

export interface Sshd {
  readonly dir: string;
  readonly port: number;
  readonly user: string;
  /** What a step says of it. */
  readonly target: { host: string; port: number; user: string; key: string; hostKey: string };
  readonly hostKeyLine: string;
  readonly log: () => string;
  readonly pid: number;
  /** SIGKILL, with all of its sessions. */
  kill(): Promise<void>;
  stop(): Promise<void>;
}

interface Place {
  readonly host?: string;
  /** A command that runs it, as `ip netns exec` does. */
  readonly under?: readonly string[];
  readonly port?: number;
}

export interface SshPrograms {
  readonly sshd: string;
  readonly libraries: string;
  readonly wrapper?: string;
}

/** The programs, or why they cannot be had. */
export async function sshPrograms(): Promise<SshPrograms | { readonly missing: string }> {
  try {
    execFileSync("sh", ["-c", "command -v ssh-keygen && command -v setsid"], { stdio: "ignore" });
    const tree = await unpacked("openssh-server", (root) => existsSync(join(root, "usr/sbin/sshd")));
    const programs = { sshd: join(tree, "usr/sbin/sshd"), libraries: libraryFolders(tree) };
    if (process.getuid?.() !== 0) return programs;
    const wrapped = await unpacked(
      "libnss-wrapper",
      (root) => fileIn(root, "libnss_wrapper.so") !== undefined,
    );
    return { ...programs, wrapper: fileIn(wrapped, "libnss_wrapper.so") ?? "" };
  } catch (thrown) {
    return { missing: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

export async function startSshd(
  programs: SshPrograms,
  options: readonly string[] = [],
  /** Where it listens; in a namespace of the test's own, or at a port that is given. */
  { host = "127.0.0.1", under = [], port: given }: Place = {},
): Promise<Sshd> {
  const dir = mkdtempSync(join(tmpdir(), "jm-sshd-"));
  const own = programs.wrapper !== undefined;
  const user = own ? "tester" : userInfo().username;
  for (const name of ["host", "id"])
    execFileSync("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", join(dir, name)]);
  copyFileSync(join(dir, "id.pub"), join(dir, "authorized"));
  // Where others may not come, such as a home, is where the checkout may be.
  for (const folder of programs.libraries.split(":"))
    for (const file of readdirSync(folder).filter((name) => name.includes(".so")))
      copyFileSync(join(folder, file), join(dir, file));
  copyFileSync(programs.sshd, join(dir, "sshd"));
  const port = given ?? (await freePort());
  const lines = [
    ...[`Port ${String(port)}`, `ListenAddress ${host}`, `HostKey ${join(dir, "host")}`],
    ...[`AuthorizedKeysFile ${join(dir, "authorized")}`, "StrictModes no", "UsePAM no", "PidFile none"],
    ...[
      "PasswordAuthentication no",
      "LogLevel VERBOSE",
      "MaxStartups 100",
      `SetEnv PATH=${dir}:/usr/bin:/bin`,
      ...options,
    ],
  ];
  writeFileSync(join(dir, "config"), `${lines.join("\n")}\n`);
  const env: Record<string, string> = { LD_LIBRARY_PATH: dir };
  if (programs.wrapper !== undefined) {
    copyFileSync(programs.wrapper, join(dir, "wrapper.so"));
    writeFileSync(join(dir, "passwd"), `tester:x:${String(UID)}:${String(UID)}::${dir}:/bin/sh\n`);
    writeFileSync(join(dir, "group"), `tester:x:${String(UID)}:\n`);
    env["LD_PRELOAD"] = join(dir, "wrapper.so");
    env["NSS_WRAPPER_PASSWD"] = join(dir, "passwd");
    env["NSS_WRAPPER_GROUP"] = join(dir, "group");
    for (const file of [".", ...readdirSync(dir)]) chownSync(join(dir, file), UID, UID);
  }
  let log = "";
  // Who enters a namespace is root until then.
  const entered = own && under.length > 0 ? [...under, ...AS_TESTER] : under;
  const words = [...entered, join(dir, "sshd"), "-D", "-e", "-f", join(dir, "config")];
  const server: ChildProcess = spawn(words[0] ?? "", words.slice(1), {
    env,
    stdio: ["ignore", "ignore", "pipe"],
    ...(own && under.length === 0 ? { uid: UID, gid: UID } : {}),
  });
  server.stderr?.on("data", (chunk: Buffer) => (log += chunk.toString()));
  await eventually("sshd to listen", () => (log.includes("Server listening") ? true : undefined), {
    lastSeen: () => log,
  });
  const kill = async (): Promise<void> => {
    if (server.exitCode !== null || server.signalCode !== null || server.pid === undefined) return;
    const gone = new Promise((resolve) => server.once("exit", resolve));
    // The outer ones first: one that is left sees its end, and goes by itself.
    for (const pid of [server.pid, ...sessionsOf(server.pid)]) killed(pid);
    await gone;
  };
  const hostKeyLine = readFileSync(join(dir, "host.pub"), "utf8").trim();
  return {
    ...{ dir, port, user, hostKeyLine, log: () => log, pid: server.pid ?? 0 },
    target: { host, port, user, key: join(dir, "id"), hostKey: hostKeyLine },
    kill,
    async stop() {
      await kill();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function killed(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

/** Its own processes alone, of which each connection has one or two, and not what they run. */
const sessionsOf = (pid: number): number[] =>
  readFileSync(`/proc/${String(pid)}/task/${String(pid)}/children`, "utf8")
    .split(" ")
    .filter(Boolean)
    .map(Number)
    .filter((child) => readFileSync(`/proc/${String(child)}/comm`, "utf8").startsWith("sshd"))
    .flatMap((child) => [child, ...sessionsOf(child)]);

const fileIn = (root: string, name: string): string | undefined =>
  libraryFolders(root)
    .split(":")
    .map((folder) => join(folder, name))
    .find((file) => existsSync(file));

/** Nobody else takes it in the moment until sshd does. */
function freePort(): Promise<number> {
  const server = createServer();
  return new Promise((resolve) =>
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    }),
  );
}
