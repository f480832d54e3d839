import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectClient, type MeshClient } from "@jetmesh/client";
import { createNames, DEFAULT_PREFIX, type ServiceName } from "@jetmesh/protocol";
import { createSealKey } from "@jetmesh/storage";
import { eventually } from "./eventually.ts";
import { createTestKeys, type TestKeys } from "./keys.ts";
import { startNatsCluster, type TestCluster } from "./nats-cluster.ts";
import type { TestServer } from "./nats-process.ts";
import { type NatsServerOptions, startNatsServer } from "./nats-server.ts";

const ALL: readonly ServiceName[] = [
  "state-store",
  "authz",
  "gateway",
  "lifecycle-ticker",
  "flight-plan-runner",
];

/** A service as a real process; its log is kept in the mesh's own folder. */
export interface TestService {
  readonly name: ServiceName;
  readonly pid: number;
  readonly instance: string;
  /** By this process's own monotonic clock. */
  readonly startedAt: number;
  log(): string;
  isRunning(): boolean;
  /** By SIGSTOP, from wherever. */
  isStopped(): boolean;
  signal(signal: NodeJS.Signals): void;
  /** Resolves when the process has ended, however. */
  readonly gone: Promise<void>;
  /** SIGKILL, and gone. */
  kill(): Promise<void>;
  /** SIGTERM, and gone; the exit code. */
  stop(): Promise<number | null>;
}

/** What a mesh runs on; ended with it. */
export interface Broker {
  readonly url: string;
  stop(): Promise<void>;
}

export interface MeshOptions {
  readonly server?: NatsServerOptions;
  /** So many servers, and each stream three times, in place of one. */
  readonly cluster?: number;
  /** One that runs already, in place of a server of its own. */
  readonly broker?: Broker;
  readonly env?: Readonly<Record<string, string>>;
  /** With authentication: these users have keys, beside root. `client` is the operator then, `as` a user. */
  readonly auth?: readonly string[];
  /** Which services, and how many of each; one of each by default. */
  readonly services?: Partial<Record<ServiceName, number>>;
}

/** A whole mesh of real processes on a nats-server of its own. */
export interface TestMesh {
  readonly url: string;
  /** Throws where the mesh does not run on a server of its own. */
  readonly server: TestServer;
  /** Throws where the mesh does not run on a cluster of its own. */
  readonly cluster: TestCluster;
  readonly services: TestService[];
  of(name: ServiceName): TestService;
  /** `under` is a command that runs it, as `ip netns exec` does; it must become the service's own process. */
  start(
    name: ServiceName,
    env?: Readonly<Record<string, string>>,
    under?: readonly string[],
  ): Promise<TestService>;
  /** A program of one's own that is a runner, by the path of its file. */
  startRunner(program: string, env?: Readonly<Record<string, string>>): Promise<TestService>;
  client(user?: string): Promise<MeshClient>;
  /** Throws where the mesh runs without authentication. */
  readonly keys: TestKeys;
  /** The seeds that runners open secrets with, unless they are told of other ones. */
  readonly seedFile: string;
  /** A client with the credentials of a user, and nothing else. */
  as(user: string): Promise<MeshClient>;
  /** Everything that the services logged, also those that are not ready yet. */
  logs(): string;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A cluster whose nodes come up one after another takes its time. */
const READY_MS = 45_000;

const ROOT = join(import.meta.dirname, "../../..");

export async function startMesh(options: MeshOptions = {}): Promise<TestMesh> {
  const prefix = options.env?.["JM_PREFIX"] ?? DEFAULT_PREFIX;
  const names = createNames(prefix, Number(options.env?.["JM_SHARDS"] ?? 1));
  const keys = options.auth === undefined ? undefined : createTestKeys(names, ["root", ...options.auth]);
  const { server, cluster, broker } = await startBroker(options, keys?.include);
  const dir = mkdtempSync(join(tmpdir(), "jm-mesh-"));
  const seedFile = join(dir, "secrets.seed");
  writeFileSync(seedFile, createSealKey().seed, { mode: 0o600 });
  const services: TestService[] = [];
  const clients: MeshClient[] = [];
  let started = 0;

  const start = async (
    name: ServiceName,
    env: Readonly<Record<string, string>> = {},
    under: readonly string[] = [],
    program = join(ROOT, "services", name, "src/main.ts"),
  ): Promise<TestService> => {
    started += 1;
    const replicas = cluster === undefined ? {} : { JM_REPLICAS: String(Math.min(3, cluster.nodes.length)) };
    const log = join(dir, `${name}-${String(started)}.log`);
    const seeds = name === "flight-plan-runner" ? { JM_SECRETS_SEED_FILE: seedFile } : {};
    const whole = {
      NATS_URL: broker.url,
      ...seeds,
      ...replicas,
      ...options.env,
      ...keys?.envOf(name),
      ...env,
    };
    const service = await startService(name, program, log, whole, under);
    services.push(service);
    return service;
  };

  const stop = async (): Promise<void> => {
    await Promise.all(clients.map((client) => client.close()));
    await Promise.all(services.map((service) => service.stop()));
    await broker.stop();
    keys?.remove();
    rmSync(dir, { recursive: true, force: true });
  };

  const wanted = ALL.flatMap((name) => Array.from({ length: options.services?.[name] ?? 1 }, () => name));
  const mesh: TestMesh = {
    url: broker.url,
    get server() {
      if (server === undefined) throw new Error("the mesh has no server of its own");
      return server;
    },
    get cluster() {
      if (cluster === undefined) throw new Error("the mesh has no cluster of its own");
      return cluster;
    },
    services,
    of: (name) => {
      const service = services.find((one) => one.name === name);
      if (service === undefined) throw new Error(`the mesh has no ${name}`);
      return service;
    },
    start,
    startRunner: (program, env) => start("flight-plan-runner", env, [], program),
    client: async (user = "root") => {
      const client = await connectClient({
        url: broker.url,
        user,
        prefix,
        shards: names.shards,
        credsFile: keys?.fileOf("operator"),
      });
      clients.push(client);
      return client;
    },
    get keys() {
      if (keys === undefined) throw new Error("the mesh runs without authentication");
      return keys;
    },
    seedFile,
    as: async (user) => {
      const credsFile = mesh.keys.fileOf(user);
      const client = await connectClient({ url: broker.url, user, prefix, credsFile });
      clients.push(client);
      return client;
    },
    logs: () =>
      readdirSync(dir)
        .filter((file) => file.endsWith(".log"))
        .map((file) => `--- ${file}\n${readFileSync(join(dir, file), "utf8")}`)
        .join("\n"),
    stop,
    [Symbol.asyncDispose]: stop,
  };
  try {
    await Promise.all(wanted.map((name) => start(name)));
  } catch (thrown) {
    await stop();
    throw thrown;
  }
  return mesh;
}

async function startBroker(
  options: MeshOptions,
  include: string | undefined,
): Promise<{
  readonly server?: TestServer;
  readonly cluster?: TestCluster;
  readonly broker: Broker;
}> {
  if (options.broker !== undefined) return { broker: options.broker };
  if (options.cluster !== undefined) {
    const cluster = await startNatsCluster({ nodes: options.cluster, ...options.server });
    return { cluster, broker: cluster };
  }
  const extraConfig = [options.server?.extraConfig, include].filter((line) => line !== undefined).join("\n");
  const server = await startNatsServer({ ...options.server, extraConfig });
  return { server, broker: server };
}

/** What a service gets of our own environment: nothing that says where a mesh is. */
const PASSED_ON = Object.fromEntries(
  ["PATH", "HOME", "NODE_COMPILE_CACHE"].flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  }),
);

async function startService(
  name: ServiceName,
  program: string,
  logFile: string,
  env: Readonly<Record<string, string>>,
  under: readonly string[],
): Promise<TestService> {
  const log = openSync(logFile, "a");
  const words = [...under, process.execPath, program];
  const child = spawn(words[0] ?? "", words.slice(1), {
    cwd: ROOT,
    stdio: ["ignore", log, log, "ipc"],
    env: { ...PASSED_ON, JM_LOG_LEVEL: "info", ...env },
  });
  closeSync(log);
  const readLog = (): string => readFileSync(logFile, "utf8");
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let instance: string | undefined;
  child.on("message", (message: { ready?: string; instance?: string }) => (instance = message.instance));
  const hasFaults = env["JM_FAULTS"] !== undefined;
  // One that its fault has stopped before is there as well: whoever asked for the fault has it go on.
  const isStopped = (): boolean => processState(child.pid ?? 0) === "T";
  const ready = eventually(
    `${name} to be ready`,
    () => instance ?? ((hasFaults && isStopped()) || undefined),
    {
      withinMs: READY_MS,
      lastSeen: () => readLog().slice(-2_000),
    },
  );
  const ended = gone.then(() => {
    // One that dies of its fault may do so with its first breath, before its word of being ready is out.
    if (hasFaults && readLog().includes("fault ")) return;
    throw new Error(`${name} ended with ${String(child.exitCode ?? child.signalCode)}:\n${readLog()}`);
  });
  // Whichever comes second has nobody to tell.
  ended.catch(() => undefined);
  ready.catch(() => undefined);
  await Promise.race([ready, ended]).catch(async (thrown: unknown) => {
    await end(child, "SIGKILL");
    throw thrown;
  });
  return {
    name,
    pid: child.pid ?? 0,
    get instance() {
      return instance ?? "";
    },
    startedAt: performance.now(),
    log: readLog,
    isRunning: () => child.exitCode === null && child.signalCode === null,
    isStopped,
    signal: (signal) => child.kill(signal),
    gone,
    kill: async () => void (await end(child, "SIGKILL")),
    stop: () => end(child, "SIGTERM"),
  };
}

/** The letter that /proc has for it; empty where there is no such process. */
function processState(pid: number): string {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, "utf8");
    return stat.charAt(stat.lastIndexOf(")") + 2);
  } catch {
    return "";
  }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  // A paused process takes no SIGTERM.
  child.kill("SIGCONT");
  child.kill(signal);
  await gone;
  return child.exitCode;
}
