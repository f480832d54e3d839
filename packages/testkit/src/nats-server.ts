import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startOnFreePorts } from "./free-ports.ts";
import { natsProcess, type TestServer } from "./nats-process.ts";

export interface NatsServerOptions {
  /** `always` as in production, or the broker's lazy default. Tests take the quick one unless they are about it. */
  readonly sync?: "always" | "default";
  readonly storeDir?: string;
  /** On by default. */
  readonly jetStream?: boolean;
  /** What JetStream may take on disk; 8G by default. */
  readonly maxFile?: string;
  /** The address that it listens on: the loopback's, or one of a network of the test's own. */
  readonly host?: string;
  readonly extraConfig?: string;
}

export async function startNatsServer(options: NatsServerOptions = {}): Promise<TestServer> {
  const host = options.host ?? "127.0.0.1";
  const dir = mkdtempSync(join(tmpdir(), "jm-nats-"));
  const storeDir = options.storeDir ?? join(dir, "store");
  mkdirSync(storeDir, { recursive: true });
  try {
    return await startOnFreePorts(1, host, async ([port = 0]) => {
      const server = natsProcess(join(dir, "nats.conf"), [
        `listen: ${host}:${String(port)}`,
        "server_name: test",
        options.jetStream === false ? "" : jetStreamConfig(storeDir, options),
        options.extraConfig ?? "",
      ]);
      await server.start();
      return testServer(server, { name: "test", host, port, dir, storeDir });
    });
  } catch (thrown) {
    rmSync(dir, { recursive: true, force: true });
    throw thrown;
  }
}

export function jetStreamConfig(
  storeDir: string,
  { sync, maxFile = "8G" }: Pick<NatsServerOptions, "sync" | "maxFile">,
): string {
  const interval = sync === "always" ? ", sync_interval: always" : "";
  return `jetstream { store_dir: "${storeDir}", max_file: ${maxFile}${interval} }`;
}

/** A running process as tests see it; `dir` goes with it. */
export function testServer(
  server: ReturnType<typeof natsProcess>,
  about: { readonly name: string; host: string; port: number; dir: string; storeDir: string },
): TestServer {
  const { name, host, port, dir, storeDir } = about;
  const stop = async (): Promise<void> => {
    await server.end("SIGTERM");
    rmSync(dir, { recursive: true, force: true });
  };
  return {
    name,
    url: `nats://${host}:${String(port)}`,
    port,
    get pid() {
      return server.pid;
    },
    storeDir,
    isRunning: () => server.isRunning(),
    kill: () => server.end("SIGKILL"),
    signal: (signal) => server.signal(signal),
    restart: () => server.start(),
    stop,
    [Symbol.asyncDispose]: stop,
  };
}
