import { type ChildProcess, fork, spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { signalTrees } from "./process-usage.ts";
import type { Resources } from "./resources.ts";

/** A process of ours with what it printed last, for when it fails. */
export interface Child {
  readonly pid: number;
  readonly process: ChildProcess;
  output(): string;
  /** Rejects when the process ends; never resolves. */
  readonly gone: Promise<never>;
  end(signal: NodeJS.Signals): Promise<void>;
}

const KEPT_CHARACTERS = 8_000;
const STOP_MS = 10_000;

function watch(name: string, child: ChildProcess): Child {
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk: Buffer) => (output = (output + chunk.toString()).slice(-KEPT_CHARACTERS)));
  const exited = new Promise<void>((resolve) => {
    child.once("exit", () => resolve());
    child.once("error", (error) => {
      output += String(error);
      resolve();
    });
  });
  const gone = exited.then((): never => {
    throw new Error(
      `${name} ended with ${String(child.exitCode ?? child.signalCode)}: ${output.slice(-1_500)}`,
    );
  });
  // Whoever waits hears of it; nobody has to.
  gone.catch(() => undefined);
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
    // What stands still takes no other signal, and its children would be left behind for ever.
    signalTrees([child.pid], "SIGCONT");
    child.kill(signal);
    const force = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
    await exited;
    clearTimeout(force);
  };
  return { pid: child.pid ?? 0, process: child, output: () => output, gone, end };
}

export interface ServerOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly stopBy: NodeJS.Signals;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly user?: { readonly uid: number; readonly gid: number } | undefined;
}

const SETPRIV = "/usr/bin/setpriv";
const hasSetpriv = (): boolean => {
  try {
    accessSync(SETPRIV, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/**
 * A server of a peer: in a group of its own, so that Ctrl-C reaches us first and it is stopped in its turn; and ended
 * with us where we are killed, as far as the system can do that.
 */
export function startServer(name: string, options: ServerOptions, resources: Resources): Child {
  const { command, args, stopBy, env, cwd, user } = options;
  const words = hasSetpriv()
    ? [SETPRIV, "--pdeathsig", stopBy.replace("SIG", ""), command, ...args]
    : [command, ...args];
  const child = watch(
    name,
    spawn(words[0] ?? command, words.slice(1), {
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
      env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", ...env },
      ...(cwd === undefined ? {} : { cwd }),
      ...user,
    }),
  );
  resources.add(name, () => child.end(stopBy));
  return child;
}

/** A worker or load process: Node, with a channel to us; it ends when the channel does. */
export function startNode(
  name: string,
  file: string,
  env: Readonly<Record<string, string>>,
  resources: Resources,
): Child {
  const child = watch(
    name,
    fork(file, [], {
      detached: true,
      execArgv: [],
      serialization: "advanced",
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      env: { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "", ...env },
    }),
  );
  // Nothing in them outlives the run: what they hold is in temporary folders.
  resources.add(name, () => child.end("SIGKILL"));
  return child;
}

/** What `process` says next that `pick` takes; rejects where it ends first or says nothing for too long. */
export async function hear<T>(
  name: string,
  child: Child,
  pick: (message: unknown) => T | undefined,
  withinMs: number,
): Promise<T> {
  const { promise, resolve, reject } = Promise.withResolvers<T>();
  const listener = (message: unknown): void => {
    try {
      const found = pick(message);
      if (found !== undefined) resolve(found);
    } catch (thrown) {
      reject(thrown instanceof Error ? thrown : new Error(String(thrown)));
    }
  };
  const timer = setTimeout(
    () => reject(new Error(`${name} said nothing for ${withinMs} ms: ${child.output().slice(-1_500)}`)),
    withinMs,
  );
  child.process.on("message", listener);
  try {
    return await Promise.race([promise, child.gone]);
  } finally {
    clearTimeout(timer);
    child.process.off("message", listener);
  }
}
