import { type Render, TemplateError } from "@jetmesh/flight-plan";
import type { SshCommand, Step } from "@jetmesh/protocol";
import { type Renders, renderEnv } from "../renders.ts";
import type { Attempt, Output, StepContext } from "../step-context.ts";
import { scriptOf } from "./remote-script.ts";
import { runRemote } from "./run-remote.ts";
import { renderTarget } from "./target.ts";

type SshStep = Pick<Step, "cwd" | "env"> & { readonly ssh: SshCommand };

/** An ssh step, rendered; throws a TemplateError. */
export function prepareSsh(step: SshStep, context: StepContext, output: Output, renders: Renders): Attempt {
  const { render } = renders;
  const { target, sudo } = renderTarget("ssh", step.ssh, render);
  const script = scriptOf({
    argv: argvOf(step.ssh.command, render),
    cwd: step.cwd === undefined ? undefined : render("cwd", step.cwd),
    env: { ...context.environment, ...renderEnv(step.env, renders) },
  });
  if (script.includes("\0")) throw new TemplateError("ssh: has a zero byte");
  return (signal) => runRemote(target, { script, sudo }, { output, graceMs: context.graceMs, signal });
}

function argvOf(command: SshCommand["command"], render: Render): string[] {
  if (typeof command === "string") return ["/bin/sh", "-c", "--", render("ssh.command", command)];
  return command.map((item, index) => render(`ssh.command[${String(index)}]`, item));
}
