import type { Render } from "@jetmesh/flight-plan";
import type { Step } from "@jetmesh/protocol";
import { type Command, runCommand } from "./command.ts";
import { stepEnvironment } from "./environment.ts";
import { type Renders, renderEnv } from "./renders.ts";
import type { Attempt, Output, StepContext } from "./step-context.ts";

type ShellStep = Pick<Step, "cwd" | "env"> & { readonly shell: NonNullable<Step["shell"]> };

/** A shell step, rendered; throws a TemplateError. */
export function prepareShell(
  step: ShellStep,
  context: StepContext,
  output: Output,
  renders: Renders,
): Attempt {
  const { render } = renders;
  const command: Command = {
    argv: argvOf(step.shell, render),
    ...(step.cwd === undefined ? {} : { cwd: render("cwd", step.cwd) }),
    env: stepEnvironment(context.environment, renderEnv(step.env, renders)),
  };
  return (signal) => runCommand(command, { output, graceMs: context.graceMs, signal });
}

/** A list runs as it is, its items never split or expanded; a string is a script. */
function argvOf(shell: ShellStep["shell"], render: Render): string[] {
  if (typeof shell === "string") return ["/bin/sh", "-c", "--", render("shell", shell)];
  return shell.map((item, index) => render(`shell[${String(index)}]`, item));
}
