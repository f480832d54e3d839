import { Command } from "commander";
import { duration, reference } from "./arguments.ts";
import { addAction } from "./commands/action.ts";
import { addApply } from "./commands/apply.ts";
import { addDead } from "./commands/dead.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addJet } from "./commands/jet.ts";
import { addUp } from "./commands/up.ts";
import { addWatch } from "./commands/watch.ts";
import { EXIT, type ExitCode } from "./errors.ts";
import { reportError } from "./output.ts";
import type { Environment } from "./settings.ts";

const AFTERWORD = `
The mesh is at --url, else NATS_URL, else where the last \`up\` of this checkout serves, else 127.0.0.1:4222.
Exit codes: 0 done, 1 refused or failed, 2 usage, 3 cannot reach the mesh.`;

export function createProgram(env: Environment): Command {
  const program = new Command("jm")
    .description("the lifecycle of long-lived things, run on NATS")
    .option("--url <url>", "the NATS server of the mesh")
    .option("--user <user>", "who asks (default: JM_USER, else JM_ROOT_USER, else root)", reference)
    .option("--json", "for machines: JSON instead of tables")
    .option("--timeout <duration>", "how long to wait for an answer, or with --wait for the end", duration)
    .addHelpText("after", AFTERWORD)
    .helpOption("-h, --help", "show help")
    .helpCommand(false)
    .showHelpAfterError("(--help shows what there is)")
    .exitOverride();
  addUp(program, env);
  addApply(program, env);
  addJet(program, env);
  addAction(program, env);
  addWatch(program, env);
  addDead(program, env);
  addDoctor(program, env);
  return program;
}

/** Runs one command line to its end. */
export async function runCli(args: readonly string[], env: Environment): Promise<ExitCode> {
  try {
    await createProgram(env).parseAsync(args, { from: "user" });
    return EXIT.done;
  } catch (thrown) {
    return reportError(thrown, args.includes("--json"));
  }
}
