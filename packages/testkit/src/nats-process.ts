import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually } from "./eventually.ts";

/** A real nats-server of a test's own: a free port that it keeps, a store of its own, gone with the test. */
export interface TestServer {
  /** As it calls itself; what `leaderOf` and the broker's answers name. */
  readonly name: string;
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  readonly storeDir: string;
  isRunning(): boolean;
  /** SIGKILL, as a crash would; resolves when the process is gone. */
  kill(): Promise<void>;
  signal(signal: NodeJS.Signals): void;
  /** Starts again on the same store and the same port. */
  restart(): Promise<void>;
  /** SIGTERM, and gone; its store goes with it. */
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

export interface NatsProcess {
  readonly pid: number;
  isRunning(): boolean;
  signal(signal: NodeJS.Signals): void;
  /** Starts it, again where it ran before; resolves when it takes connections. */
  start(): Promise<void>;
  end(signal: NodeJS.Signals): Promise<void>;
}

const READY = "Server is ready";
/** A node says that it is ready before it listens for the others. */
const ROUTES = "Listening for route connections";

/** The life of one nats-server process on one configuration. */
export function natsProcess(
  configFile: string,
  lines: readonly string[],
  { isNode = false }: { readonly isNode?: boolean } = {},
): NatsProcess {
  writeFileSync(configFile, `${lines.filter((line) => line !== "").join("\n")}\n`);
  let child: ChildProcess | undefined;

  const isRunning = (): boolean => child?.exitCode === null && child.signalCode === null;
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    const running = child;
    if (running?.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((resolve) => running.once("exit", resolve));
    // A paused process takes no SIGTERM.
    running.kill("SIGCONT");
    running.kill(signal);
    await gone;
  };
  return {
    get pid() {
      return child?.pid ?? 0;
    },
    isRunning,
    signal: (signal) => child?.kill(signal),
    async start() {
      if (isRunning()) throw new Error("nats-server runs already");
      const started = spawn(natsServerBinary(), ["-c", configFile], { stdio: ["ignore", "ignore", "pipe"] });
      child = started;
      let output = "";
      started.stderr.on("data", (chunk: Buffer) => (output = (output + chunk.toString()).slice(-4_000)));
      try {
        await eventually("nats-server to be ready", () => {
          if (!isRunning()) throw new Error(`nats-server ended with ${String(started.exitCode)}: ${output}`);
          return output.includes(READY) && (!isNode || output.includes(ROUTES)) ? true : undefined;
        });
      } catch (thrown) {
        await end("SIGKILL");
        throw thrown;
      }
    },
    end,
  };
}
