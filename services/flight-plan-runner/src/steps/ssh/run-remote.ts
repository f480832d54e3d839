import { randomUUID } from "node:crypto";
import { PassThrough } from "node:stream";
import { drain } from "../drain.ts";
import type { Output, TryResult } from "../step-context.ts";
import { callAfter, onAbort, unlessAborted } from "../time-limit.ts";
import { SshError, type SshTarget } from "./connection.ts";
import { type Exit, type OpenedChannel, openChannel } from "./pool.ts";
import { guardLine } from "./remote-script.ts";

/** Behind the grace, for the guard's answer; then the connection is given up. */
const ANSWER_MS = 5_000;

/** What runs on the other machine: a script for `/bin/sh`, and as whom; undefined as the user who is logged in. */
export interface RemoteScript {
  readonly script: string;
  readonly sudo: string | undefined;
}

interface RunContext {
  readonly output: Output;
  readonly graceMs: number;
  readonly signal: AbortSignal;
}

/** Resolves when nothing of the command runs, or when its machine cannot be asked any more. */
export async function runRemote(
  target: SshTarget,
  remote: RemoteScript,
  context: RunContext,
): Promise<TryResult> {
  const { graceMs, signal } = context;
  const end = `end-${randomUUID()}`;
  const opening = openChannel(target, guardLine(remote.sudo, graceMs, end));
  let opened: OpenedChannel | undefined;
  try {
    opened = await unlessAborted(opening, signal);
  } catch (thrown) {
    if (!(thrown instanceof SshError)) throw thrown;
    return { failure: thrown.message, code: thrown.code };
  }
  if (opened === undefined) {
    // It has not been given anything to run.
    opening.then(
      ({ channel, release }) => {
        channel.close();
        release();
      },
      () => undefined,
    );
    return { cut: true, failure: "was ended" };
  }
  try {
    return await follow(opened, `${remote.script}\n${end}\n`, target, context);
  } finally {
    opened.release();
  }
}

async function follow(
  { channel, connection, exit: ended }: Omit<OpenedChannel, "release">,
  script: string,
  target: SshTarget,
  { output, graceMs, signal }: RunContext,
): Promise<TryResult> {
  let said = "";
  const [stdout, stderr] = [channel.pipe(new PassThrough()), channel.stderr.pipe(new PassThrough())];
  const drains = [
    drain(stdout, (chunk) => output("stdout", chunk)),
    drain(stderr, (chunk) => {
      if (said.length < 1_000) said += Buffer.from(chunk).toString();
      return output("stderr", chunk);
    }),
  ];
  channel.on("error", () => undefined);
  channel.write(script);
  let cut = false;
  const disarms: (() => void)[] = [];
  const forget = onAbort(signal, () => {
    cut = true;
    channel.write("end\n");
    disarms.push(
      callAfter(graceMs, () => channel.end()),
      callAfter(graceMs + ANSWER_MS, () => connection.socket.destroy()),
    );
  });
  const exit = await ended;
  forget();
  for (const disarm of disarms) disarm();
  if (exit === "lost") {
    stdout.end();
    stderr.end();
  }
  await Promise.all(drains.map((each) => each.finish(signal)));
  // The guard has ended: what still holds the channel has left its group.
  channel.close();
  return { ...describe(exit, target, said), cut };
}

function describe(exit: Exit, { host }: SshTarget, stderr: string): TryResult {
  if (exit === "lost")
    return { failure: `the connection to ${host} was lost while the command ran`, code: "ssh_lost" };
  if (exit.code === null) return { failure: `was ended by SIG${exit.signal ?? "?"}` };
  if (exit.code === 0) return { exitCode: 0 };
  const refusal = /^sudo: .*/.exec(stderr)?.[0];
  const why = refusal === undefined ? (MEANINGS[exit.code] ?? "") : ` (${refusal})`;
  return { exitCode: exit.code, failure: `exited with code ${String(exit.code)}${why}` };
}

/** What a shell means by them; a command that a signal has ended cannot be told from one that says the same. */
const MEANINGS: Record<number, string> = {
  126: " (not executable)",
  127: " (command not found)",
  129: " (as after SIGHUP)",
  134: " (as after SIGABRT)",
  137: " (as after SIGKILL)",
  139: " (as after SIGSEGV)",
  143: " (as after SIGTERM)",
};
