import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { eventually, natsServerBinary } from "@jetmesh/testkit";
import { ROOT } from "../support/repository.ts";

/** A process with what it printed so far. */
export interface RunningCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  output(): string;
  /** Waits until the output matches. */
  prints(what: RegExp, withinMs?: number): Promise<RegExpExecArray>;
  /** To it and everything in its group, as a terminal does. */
  signalGroup(signal: NodeJS.Signals): void;
}

export interface Ended {
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

const MAIN = join(ROOT, "packages/cli/src/main.ts");
const BOOTSTRAP = join(ROOT, "scripts/bootstrap.mjs");
const BIN = join(ROOT, ".cache/bin");

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
  readonly cwd?: string;
}

/** Starts a program in a group of its own, with an environment in which no mesh is known. */
export function startCommand(
  file: string,
  args: readonly string[],
  { env = {}, input, cwd = ROOT }: CommandOptions = {},
): RunningCommand {
  const { JM_USER: _user, JM_ROOT_USER: _root, JM_PREFIX: _prefix, ...inherited } = process.env;
  const PATH = `${BIN}${delimiter}${process.env["PATH"] ?? ""}`;
  const child = spawn(file, args, {
    cwd,
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...inherited, PATH, NATS_URL: "", NATS_SERVER: natsServerBinary(), ...env },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  child.stdin.end(input ?? "");
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (exitCode) => resolve({ exitCode, stdout, stderr }));
  });
  const output = (): string => stdout + stderr;
  return {
    child,
    ended,
    output,
    prints: (what, withinMs = 60_000) => {
      const printed = eventually(
        `the output to match ${String(what)}`,
        () => what.exec(output()) ?? undefined,
        {
          withinMs,
          lastSeen: output,
        },
      );
      printed.catch(() => undefined);
      const never = ended.then(({ exitCode }): RegExpExecArray => {
        const found = what.exec(output());
        if (found !== null) return found;
        throw new Error(`it ended with ${String(exitCode)} and never printed ${String(what)}:\n${output()}`);
      });
      return Promise.race([printed, never]);
    },
    signalGroup: (signal) => void process.kill(-(child.pid ?? 0), signal),
  };
}

/** `npm start -- ARGS`, without npm. */
export const startBootstrapped = (args: readonly string[], options?: CommandOptions): RunningCommand =>
  startCommand(process.execPath, [BOOTSTRAP, "start", ...args], options);

/** `jm ARGS` to its end. */
export const runJm = (args: readonly string[], options?: CommandOptions): Promise<Ended> =>
  startCommand(process.execPath, [MAIN, ...args], options).ended;

export const startJm = (args: readonly string[], options?: CommandOptions): RunningCommand =>
  startCommand(process.execPath, [MAIN, ...args], options);

/**
 * A folder of a test's own. Everything that is started with it as TMPDIR can be found again: the name is in the
 * environment of each process, and in the command lines of those that get a clean one.
 */
export interface MarkedFolder {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
  running(): RunningProcess[];
  /** Fails with what is left where something is after 15 s. */
  nothingIsLeft(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface RunningProcess {
  readonly pid: number;
  readonly command: string;
}

export function markedFolder(): MarkedFolder {
  const path = mkdtempSync(join(tmpdir(), "jm-e2e-"));
  const running = (): RunningProcess[] => processesOf(path);
  return {
    path,
    env: { TMPDIR: path },
    running,
    async nothingIsLeft() {
      const lastSeen = (): unknown => running();
      await eventually("all processes to end", () => (running().length === 0 ? true : undefined), {
        withinMs: 15_000,
        lastSeen,
      });
    },
    async [Symbol.asyncDispose]() {
      // What a failed test left behind, so that it does not fail others as well.
      for (const { pid } of running()) {
        try {
          process.kill(pid, "SIGKILL");
        } catch {
          // It ended by itself meanwhile.
        }
      }
      await eventually("leftovers to end", () => (running().length === 0 ? true : undefined));
      rmSync(path, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}

function processesOf(mark: string): RunningProcess[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .flatMap((name) => {
      const command = readProc(name, "cmdline").replaceAll("\0", " ").trim();
      const isMarked = command.includes(mark) || readProc(name, "environ").includes(mark);
      // A zombie has ended, and may never be collected: it has no command line.
      return isMarked && command !== "" && existsSync(`/proc/${name}`)
        ? [{ pid: Number(name), command }]
        : [];
    });
}

function readProc(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch {
    return "";
  }
}

/** `stopped → starting` of each transition that was printed, in order. */
export const transitionsIn = (output: string): string[] =>
  [...output.matchAll(/ {2}web1 {2}(\S+) → (\S+)/g)].map(([, from, to]) => `${from ?? ""} → ${to ?? ""}`);
