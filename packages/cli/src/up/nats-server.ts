import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ensureError } from "@jetmesh/storage";
import { FailedError } from "../errors.ts";
import { type Environment, ROOT } from "../settings.ts";
import { commandOf, identityOf, isRunning } from "./process-identity.ts";
import type { Store } from "./store.ts";
import { type Launched, type Supervised, supervise } from "./supervise.ts";

const USUAL_PORT = 4222;
const GRACE_MS = 15_000;
/** Long enough for the first signal to be taken: two that wait are one. */
const AGAIN_MS = 250;

export interface NatsServer extends Supervised {
  /** Known once it is ready. */
  url(): string;
  /** Has it read its configuration again. */
  /**
   * Has it read its configuration, which loses the answers that are on their way just then. `again` where an account is
   * new: measured with 2.15.1, what it imports is not there before the server has read the same once more.
   */
  reload(how: { readonly again: boolean }): void;
}

/** Starts a nats-server on the store; one that dies is started again on the same port. */
export async function startNatsServer(
  store: Store,
  env: Environment,
  given: {
    readonly port: number | undefined;
    /** A file beside its configuration, with what more is in that. */
    readonly include: string | undefined;
    readonly note: (line: string) => void;
  },
): Promise<NatsServer> {
  const binary = findBinary(env);
  const config = join(store.path, "nats-server.conf");
  await endOrphan(store, config, given.note);
  const log = store.openLog("nats-server");
  const guard = pdeathsig();
  if (guard.length === 0)
    given.note("no setpriv here: after a kill -9 of `up`, its nats-server runs on until the next `up`");
  let port = given.port ?? ((await isFree(USUAL_PORT)) ? USUAL_PORT : -1);

  let pid: number | undefined;

  const launch = (): Launched => {
    writeConfig(store, config, port, given.include);
    const [command, ...args] = [...guard, binary, "-c", config];
    const child = spawn(command, args, { detached: true, stdio: ["ignore", log.fd, log.fd] });
    pid = child.pid;
    const ready = (async () => {
      for (;;) {
        const found = readPort(store, child.pid);
        if (found !== undefined) return void (port = found);
        await sleep(10);
        if (child.exitCode !== null || child.signalCode !== null) return new Promise<void>(() => undefined);
      }
    })();
    return { child, ready };
  };
  const supervised = supervise({
    label: "nats-server",
    log,
    launch,
    graceMs: GRACE_MS,
    onRestart: given.note,
  });
  const hangUp = (): void => {
    try {
      if (pid !== undefined) process.kill(pid, "SIGHUP");
    } catch (thrown) {
      // It has ended, and reads it as it starts again.
      if ((thrown as NodeJS.ErrnoException).code !== "ESRCH") throw thrown;
    }
  };
  return {
    ...supervised,
    url: () => `nats://127.0.0.1:${port}`,
    reload: ({ again }) => {
      hangUp();
      if (again) setTimeout(hangUp, AGAIN_MS);
    },
  };
}

function findBinary(env: Environment): string {
  const named = env["NATS_SERVER"] ?? "";
  if (named !== "") return named;
  const onPath = (env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, "nats-server"));
  const found = [join(ROOT, ".cache/nats-server/nats-server"), ...onPath].find((file) => existsSync(file));
  if (found !== undefined) return found;
  throw new FailedError(
    "there is no nats-server\n  run `./jm up` or `npm start`, which bring one, name one by NATS_SERVER, or use a running one by NATS_URL",
  );
}

function writeConfig(store: Store, config: string, port: number, include: string | undefined): void {
  const text = (value: string): string => JSON.stringify(value);
  // What an earlier process left would be taken for this one's.
  for (const file of portFiles(store)) rmSync(file, { force: true });
  mkdirSync(join(store.path, "nats"), { recursive: true });
  writeFileSync(
    config,
    [
      "# Written by `jetmesh up` at each start.",
      `listen: "127.0.0.1:${port}"`,
      "server_name: jetmesh-up",
      `pid_file: ${text(pidFile(store))}`,
      `ports_file_dir: ${text(store.path)}`,
      "jetstream {",
      `  store_dir: ${text(join(store.path, "nats"))}`,
      "  # Each write is on the disk before it is acknowledged.",
      "  sync_interval: always",
      "  # A bound, not a reservation: the default is made of the free space, and may be less than the streams ask for.",
      "  max_file: 64G",
      "}",
      ...(include === undefined ? [] : [`include ${text(include)}`]),
      "",
    ].join("\n"),
  );
}

const pidFile = (store: Store): string => join(store.path, "nats-server.pid");

const portFiles = (store: Store): string[] =>
  readdirSync(store.path)
    .filter((name) => name.endsWith(".ports"))
    .map((name) => join(store.path, name));

function readPort(store: Store, pid: number | undefined): number | undefined {
  const file = portFiles(store).find((name) => name.endsWith(`_${pid ?? 0}.ports`));
  if (file === undefined) return undefined;
  try {
    const ports = JSON.parse(readFileSync(file, "utf8")) as { nats?: string[] };
    const url = ports.nats?.[0];
    return url === undefined ? undefined : Number(new URL(url).port);
  } catch {
    // Seen half-written.
    return undefined;
  }
}

/** The signal that the kernel sends to nats-server when `up` is gone; of the thread that forked, which is the main one. */
function pdeathsig(): string[] {
  const prefix = ["setpriv", "--pdeathsig", "TERM"];
  return spawnSync("setpriv", [...prefix.slice(1), "true"], { stdio: "ignore" }).status === 0 ? prefix : [];
}

/**
 * The server of an `up` that was killed may still be ending, or may have been left: two on one store would ruin it.
 * The store is ours by its lock, so whatever serves it is nobody else's.
 */
async function endOrphan(store: Store, config: string, note: (line: string) => void): Promise<void> {
  const pid = existsSync(pidFile(store)) ? Number(readFileSync(pidFile(store), "utf8")) : 0;
  if (pid < 1 || commandOf(pid)?.includes(config) !== true) return;
  const identity = identityOf(pid);
  note(`ending the nats-server that an earlier \`up\` left (process ${pid})`);
  for (const [signal, patienceMs] of [
    ["SIGTERM", GRACE_MS],
    ["SIGKILL", 5_000],
  ] as const) {
    try {
      process.kill(pid, signal);
    } catch (thrown) {
      if ((thrown as NodeJS.ErrnoException).code === "ESRCH") return;
      throw new FailedError(
        `the nats-server left by an earlier \`up\` (process ${pid}) cannot be ended: ${ensureError(thrown).message}`,
      );
    }
    const until = performance.now() + patienceMs;
    while (performance.now() < until) {
      if (!isRunning(identity)) return;
      await sleep(20);
    }
  }
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", () => resolve(false));
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
  });
