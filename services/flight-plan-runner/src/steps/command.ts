import { type ChildProcessByStdio, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { drain } from "./drain.ts";
import { guardGroup, releaseGroup } from "./guard.ts";
import { endGroup } from "./process-group.ts";
import type { Output, TryResult } from "./step-context.ts";
import { onAbort } from "./time-limit.ts";

export interface Command {
  readonly argv: readonly string[];
  readonly cwd?: string;
  readonly env: Readonly<Record<string, string>>;
}

export interface CommandContext {
  readonly output: Output;
  readonly graceMs: number;
  readonly signal: AbortSignal;
}

/**
 * The first process of the group waits for a line, so that the group is guarded before the command runs (G2),
 * and then becomes the command, without the pipe. At the end of its input it runs nothing.
 */
const GATE = 'read -r _jm_go && exec "$@" </dev/null';

type Child = ChildProcessByStdio<Writable, Readable, Readable>;
type Exit = { readonly code: number | null; readonly signal: NodeJS.Signals | null };

/** Runs in a session of its own; resolves when nobody of its process group runs any more. */
export async function runCommand(
  command: Command,
  { output, graceMs, signal }: CommandContext,
): Promise<TryResult> {
  let child: Child;
  let group: number;
  try {
    [child, group] = await start(command);
  } catch (error) {
    return { failure: whyNotStarted(error, command) };
  }
  const exited = new Promise<Exit>((resolve) => {
    child.once("exit", (code, name) => resolve({ code, signal: name }));
  });
  const drains = [
    drain(child.stdout, (chunk) => output("stdout", chunk)),
    drain(child.stderr, (chunk) => output("stderr", chunk)),
  ];

  let ending: Promise<void> | undefined;
  const end = (): void => {
    ending ??= endGroup(group, graceMs, exited);
  };
  const forget = onAbort(signal, end);
  const refused = await open(child, group);
  if (refused !== undefined) end();

  const exit = await exited;
  forget();
  const cut = ending !== undefined;
  // What it left behind in its group ends with it.
  end();
  await ending;
  releaseGroup(group);
  await Promise.all(drains.map((each) => each.finish(signal)));
  if (refused !== undefined) return { failure: refused };
  return { ...describe(exit), cut };
}

function start(command: Command): Promise<[Child, number]> {
  return new Promise((resolve, reject) => {
    const child = spawn("/bin/sh", ["-c", GATE, "step", ...command.argv], {
      ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
      env: command.env,
      detached: true,
      stdio: ["pipe", "pipe", "pipe"],
    });
    // It may have ended before it read; the exit says more than a broken pipe.
    child.stdin.on("error", () => undefined);
    child.once("spawn", () => {
      if (child.pid !== undefined) resolve([child, child.pid]);
    });
    child.on("error", reject);
  });
}

/** Lets the command run; the text says why not. */
async function open(child: Child, group: number): Promise<string | undefined> {
  try {
    await guardGroup(group);
    child.stdin.end("\n");
    return undefined;
  } catch (error) {
    return `cannot be guarded: ${error instanceof Error ? error.message : String(error)}`;
  }
}

function describe({ code, signal }: Exit): TryResult {
  if (signal !== null) return { failure: `was ended by ${signal}` };
  const exitCode = code ?? 0;
  if (exitCode === 0) return { exitCode };
  return { exitCode, failure: `exited with code ${String(exitCode)}${MEANINGS[exitCode] ?? ""}` };
}

/** What a shell means by them. */
const MEANINGS: Record<number, string> = { 126: " (not executable)", 127: " (command not found)" };

function whyNotStarted(error: unknown, command: Command): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const isAboutDirectory = code === "ENOENT" || code === "ENOTDIR" || code === "EACCES";
  if (isAboutDirectory && command.cwd !== undefined) {
    return `cannot start in directory '${command.cwd}': ${code}`;
  }
  return `cannot start: ${message}`;
}
