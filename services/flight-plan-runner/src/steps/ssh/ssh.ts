import { randomUUID } from "node:crypto";
import { PassThrough } from "node:stream";
import { type Render, TemplateError } from "@jetmesh/flight-plan";
import type { SshCommand, Step } from "@jetmesh/protocol";
import { drain } from "../drain.ts";
import { type Renders, renderEnv } from "../renders.ts";
import type { Attempt, Output, StepContext, TryResult } from "../step-context.ts";
import { callAfter, onAbort, unlessAborted } from "../time-limit.ts";
import { SshError, type SshTarget } from "./connection.ts";
import { type OpenedChannel, openChannel } from "./pool.ts";
import { guardLine, type RemoteCommand, scriptOf } from "./remote-script.ts";

type SshStep = Pick<Step, "cwd" | "env"> & { readonly ssh: SshCommand };

/** Behind the grace, for the guard's answer; then the connection is given up. */
const ANSWER_MS = 5_000;

/** An ssh step, rendered; throws a TemplateError. */
export function prepareSsh(step: SshStep, context: StepContext, output: Output, renders: Renders): Attempt {
  const { render } = renders;
  const { ssh } = step;
  const optional = (name: string, text: string | undefined): string | undefined =>
    text === undefined ? undefined : render(`ssh.${name}`, text);
  const target: SshTarget = {
    host: render("ssh.host", ssh.host),
    port: portOf(render("ssh.port", String(ssh.port))),
    user: render("ssh.user", ssh.user),
    key: optional("key", ssh.key),
    hostKey: optional("hostKey", ssh.hostKey),
    knownHosts: optional("knownHosts", ssh.knownHosts),
  };
  const command: RemoteCommand = {
    argv: argvOf(ssh.command, render),
    cwd: step.cwd === undefined ? undefined : render("cwd", step.cwd),
    env: { ...context.environment, ...renderEnv(step.env, renders) },
    sudo: ssh.sudo === true ? "root" : ssh.sudo === false ? undefined : render("ssh.sudo", ssh.sudo),
  };
  if (JSON.stringify([command, target]).includes("\\u0000")) throw new TemplateError("ssh: has a zero byte");
  return (signal) => runRemote(target, command, { output, graceMs: context.graceMs, signal });
}

function argvOf(command: SshCommand["command"], render: Render): string[] {
  if (typeof command === "string") return ["/bin/sh", "-c", "--", render("ssh.command", command)];
  return command.map((item, index) => render(`ssh.command[${String(index)}]`, item));
}

function portOf(text: string): number {
  const port = Number(text);
  if (Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  throw new TemplateError(`ssh.port: '${text}' is no port`);
}

interface RunContext {
  readonly output: Output;
  readonly graceMs: number;
  readonly signal: AbortSignal;
}

/** Resolves when nothing of the command runs, or when its machine cannot be asked any more. */
async function runRemote(target: SshTarget, command: RemoteCommand, context: RunContext): Promise<TryResult> {
  const { graceMs, signal } = context;
  const end = `end-${randomUUID()}`;
  const opening = openChannel(target, guardLine(command, graceMs, end));
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
    return await follow(opened, scriptOf(command, end), target, context);
  } finally {
    opened.release();
  }
}

async function follow(
  { channel, connection }: Pick<OpenedChannel, "channel" | "connection">,
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
  let onLost = (): void => undefined;
  const ended = new Promise<{ code: number | null; signal?: string } | "lost">((resolve) => {
    onLost = () => resolve("lost");
    channel.once("exit", (code: number | null, name?: string) =>
      resolve({ code, ...(name === undefined ? {} : { signal: name }) }),
    );
    channel.once("close", onLost);
    connection.client.once("close", onLost);
  });
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
  connection.client.off("close", onLost);
  if (exit === "lost") {
    stdout.end();
    stderr.end();
  }
  await Promise.all(drains.map((each) => each.finish(signal)));
  // The guard has ended: what still holds the channel has left its group.
  channel.close();
  return { ...describe(exit, target, said), cut };
}

function describe(
  exit: { readonly code: number | null; readonly signal?: string } | "lost",
  { host }: SshTarget,
  stderr: string,
): TryResult {
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
