import { setTimeout as sleep } from "node:timers/promises";
import { Argument, type Command } from "commander";
import { reference } from "../arguments.ts";
import { contextOf, withMesh } from "../command-context.ts";
import { ASKABLE, type Askable, commandTable, flagsWithValue } from "../completion/command-table.ts";
import { SHELLS, type Shell, shellScript } from "../completion/shell-scripts.ts";
import type { Environment } from "../settings.ts";

/** Whoever presses Tab waits no longer than this for a mesh. */
const ASK_MS = 700;
const MOST = 500;

/** Last of all commands, for it knows them all. */
export function addCompletion(program: Command, env: Environment): void {
  program
    .command("completion")
    .description("print what a shell needs to complete commands, flags, jets and actions")
    .addArgument(new Argument("<shell>", "the shell").choices(SHELLS))
    .action((shell: Shell, _options: unknown, command: Command) => {
      const { output } = contextOf(command, env);
      const script = shellScript(shell, { rows: commandTable(program), withValue: flagsWithValue(program) });
      output.result({ shell, script }, () => [script.trimEnd()]);
    });
  addComplete(program, env);
}

/** What the scripts ask: names, one a line; none where the mesh does not answer at once, and never an error. */
function addComplete(program: Command, env: Environment): void {
  program
    .command("complete", { hidden: true })
    .addArgument(new Argument("<what>", "what to complete").choices(ASKABLE))
    .argument("[jet]", "whose actions", reference)
    .action(async (what: Askable, jet: string | undefined, _options: unknown, command: Command) => {
      const names = await Promise.race([
        namesOf(what, jet, command, env).catch(() => []),
        sleep(ASK_MS, [] as string[], { ref: false }),
      ]);
      process.stdout.write(names.map((name) => `${name}\n`).join(""), () => process.exit(0));
    });
}

async function namesOf(
  what: Askable,
  jet: string | undefined,
  command: Command,
  env: Environment,
): Promise<string[]> {
  return withMesh(contextOf(command, env), async ({ client }) => {
    if (what === "actions" && jet === undefined) return [];
    const list = { jets: "jet.list", templates: "template.list", actions: "jet.actions" } as const;
    const body = what === "actions" ? { reference: jet } : { limit: MOST };
    const { items } = await client.request<{ items: { reference: string }[] }>(list[what], body, ASK_MS);
    return items.map(({ reference: name }) => name);
  });
}
