import { readFileSync } from "node:fs";
import { setSecret } from "@jetmesh/client";
import type { SecretView } from "@jetmesh/protocol";
import { type Command, InvalidArgumentError } from "commander";
import { reference } from "../arguments.ts";
import { contextOf, withMesh } from "../command-context.ts";
import { UsageError } from "../errors.ts";
import type { Environment } from "../settings.ts";
import { dateTime } from "../table.ts";
import { addNewSeed, addRotateKey } from "./secret-key.ts";

interface ScopeOptions {
  readonly jet?: string;
  readonly template?: string;
}

export function addSecret(program: Command, env: Environment): void {
  const secret = program.command("secret").description("values that only the runner of a step is given");
  addSet(secret, env);
  addList(secret, env);
  addDelete(secret, env);
  addRotateKey(secret, env);
  addNewSeed(secret, env);
}

const scoped = (command: Command): Command =>
  command
    .option("--jet <jet>", "of a jet; without --jet and --template of the mesh, which is root's", reference)
    .option("--template <template>", "of all jets of a template that have none of their own", reference);

function addSet(secret: Command, env: Environment): void {
  scoped(secret.command("set"))
    .description("set a secret to what comes on standard input, sealed before it is sent")
    .argument("<name>", "how steps name it: {{ secrets.NAME }}", secretName)
    .option("--key <key>", "the key to seal to, in place of what the mesh says (X…)")
    .action(async (name: string, { key, ...given }: ScopeOptions & { key?: string }, command: Command) => {
      const scope = scopeOf(given);
      const value = readValue();
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const set = await setSecret(client, { ...scope, name, value, key }, settings.timeoutMs);
        output.result(set, () => [
          `secret ${name} of ${ownerOf(set)} is set, version ${String(set.version)}`,
        ]);
      });
    });
}

function addList(secret: Command, env: Environment): void {
  scoped(secret.command("list"))
    .description("list secrets: everything but what is in them")
    .action(async (given: ScopeOptions, command: Command) => {
      const scope = scopeOf(given);
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const answer = await client.call("secret.list", scope, settings.timeoutMs);
        output.table(answer, ["NAME", "OF", "VERSION", "SET BY", "AT"], (one) => [
          one.name,
          ownerOf(one),
          String(one.version),
          one.by,
          dateTime(one.at),
        ]);
      });
    });
}

function addDelete(secret: Command, env: Environment): void {
  scoped(secret.command("delete"))
    .description("take a secret away; steps that name it fail from then on")
    .argument("<name>", "its name", secretName)
    .action(async (name: string, given: ScopeOptions, command: Command) => {
      const scope = scopeOf(given);
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const gone = await client.call("secret.delete", { ...scope, name }, settings.timeoutMs);
        output.result(gone, () => [`secret ${name} of ${ownerOf(gone)} is deleted`]);
      });
    });
}

function scopeOf({ jet, template }: ScopeOptions): ScopeOptions {
  if (jet !== undefined && template !== undefined)
    throw new UsageError("a secret is of a jet or of a template: give one of --jet, --template");
  return { ...(jet === undefined ? {} : { jet }), ...(template === undefined ? {} : { template }) };
}

function ownerOf({ jet, template }: Pick<SecretView, "jet" | "template">): string {
  if (jet !== undefined) return `jet ${jet}`;
  return template === undefined ? "the mesh" : `template ${template}`;
}

function secretName(text: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(text)) return text;
  throw new InvalidArgumentError("A name is 1 to 63 of A-Z a-z 0-9 _, no digit first.");
}

/** Not by an option: those are in the list of processes, and in what the shell remembers. One line end behind is taken off. */
function readValue(): string {
  if (process.stdin.isTTY)
    throw new UsageError("the value comes on standard input: jm secret set NAME < FILE");
  return readFileSync(0, "utf8").replace(/\r?\n$/, "");
}
