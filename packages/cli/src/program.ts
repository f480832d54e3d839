import { Command } from "commander";
import { duration, reference } from "./arguments.ts";
import { addAction } from "./commands/action.ts";
import { addApply } from "./commands/apply.ts";
import { addAuth } from "./commands/auth.ts";
import { addBackup } from "./commands/backup.ts";
import { addCompletion } from "./commands/completion.ts";
import { addDead } from "./commands/dead.ts";
import { addDefinitions } from "./commands/definition.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addExport } from "./commands/export.ts";
import { addImport } from "./commands/import.ts";
import { addJet } from "./commands/jet.ts";
import { addPlanLint } from "./commands/plan-lint.ts";
import { addPlanPreview } from "./commands/plan-preview.ts";
import { addPlanRun } from "./commands/plan-run.ts";
import { addReshard } from "./commands/reshard.ts";
import { addSchedule } from "./commands/schedule.ts";
import { addSchema } from "./commands/schema.ts";
import { addSecret } from "./commands/secret.ts";
import { addTemplateLint } from "./commands/template-lint.ts";
import { addUp } from "./commands/up.ts";
import { addWatch } from "./commands/watch.ts";
import { addWhy } from "./commands/why.ts";
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
  addExport(program, env);
  addImport(program, env);
  addJet(program, env);
  addAction(program, env);
  addDefinitions(program, env);
  addSchedule(program, env);
  addTemplateLint(program, env);
  addPlanLint(program, env);
  addPlanPreview(program, env);
  addPlanRun(program, env);
  addSchema(program, env);
  addWhy(program, env);
  addWatch(program, env);
  addDead(program, env);
  addDoctor(program, env);
  addBackup(program, env);
  addReshard(program, env);
  addAuth(program, env);
  addSecret(program, env);
  addCompletion(program, env);
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
