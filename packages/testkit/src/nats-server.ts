import { type ChildProcess, spawn } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./eventually.ts";

export interface NatsServerOptions {
  /** `always` as in production, or the broker's lazy default. Tests take the quick one unless they are about it. */
  readonly sync?: "always" | "default";
  readonly storeDir?: string;
  /** On by default. */
  readonly jetStream?: boolean;
  readonly extraConfig?: string;
}

/** A real nats-server of a test's own: any free port, a store of its own, gone with the test. */
export interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly storeDir: string;
  /** SIGKILL, as a crash would; resolves when the process is gone. */
  kill(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Starts again on the same store and the same port. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** The binary that the set-up found or fetched; fails loudly where there is none, rather than skip. */
export function natsServerBinary(): string {
  const fromEnv = process.env["NATS_SERVER"];
  if (fromEnv !== undefined && fromEnv !== "") return fromEnv;
  const cached = join(import.meta.dirname, "../../../.cache/nats-server/nats-server");
  if (existsSync(cached)) return cached;
  throw new Error("no nats-server: run the tests by `npm test`, or set NATS_SERVER");
}

export async function startNatsServer(options: NatsServerOptions = {}): Promise<TestServer> {
  const dir = mkdtempSync(join(tmpdir(), "jm-nats-"));
  const storeDir = options.storeDir ?? join(dir, "store");
  mkdirSync(storeDir, { recursive: true });
  let port = -1;
  let child: ChildProcess | undefined;

  const start = async (): Promise<void> => {
    const sync = options.sync === "always" ? "sync_interval: always" : "";
    const jetStream =
      options.jetStream === false ? "" : `jetstream { store_dir: "${storeDir}", max_file: 8G, ${sync} }`;
    const config = [
      "listen: 127.0.0.1:" + String(port),
      "server_name: test",
      `ports_file_dir: "${dir}"`,
      jetStream,
      options.extraConfig ?? "",
    ];
    writeFileSync(join(dir, "nats.conf"), `${config.join("\n")}\n`);
    const started = spawn(natsServerBinary(), ["-c", join(dir, "nats.conf")], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    child = started;
    let output = "";
    started.stderr.on("data", (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4_000)));
    await eventually(`nats-server to be ready`, () => {
      if (started.exitCode !== null)
        throw new Error(`nats-server ended with ${String(started.exitCode)}: ${output}`);
      return output.includes("Server is ready") && portOf(dir, started.pid ?? 0) !== undefined
        ? true
        : undefined;
    });
    port = portOf(dir, started.pid ?? 0) ?? port;
  };
  await start();

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const running = child;
    if (running?.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((resolve) => running.once("exit", resolve));
    running.kill("SIGCONT");
    running.kill(signal);
    await gone;
  };
  const stop = async (): Promise<void> => {
    await end("SIGTERM");
    rmSync(dir, { recursive: true, force: true });
  };
  return {
    get url() {
      return `nats://127.0.0.1:${String(port)}`;
    },
    get port() {
      return port;
    },
    get pid() {
      return child?.pid ?? 0;
    },
    storeDir,
    kill: () => end("SIGKILL"),
    signal: (signal) => child?.kill(signal),
    restart: start,
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

function portOf(dir: string, pid: number): number | undefined {
  const file = readdirSync(dir).find((name) => name.endsWith(`_${String(pid)}.ports`));
  if (file === undefined) return undefined;
  const ports = JSON.parse(readFileSync(join(dir, file), "utf8")) as { nats?: string[] };
  const url = ports.nats?.[0];
  return url === undefined ? undefined : Number(new URL(url).port);
}
