import type { Command } from "commander";
import { collect, collectReferences, parsePairs, reference } from "../arguments.ts";
import { contextOf, withMesh } from "../command-context.ts";
import { UsageError } from "../errors.ts";
import { jetFields } from "../jet-fields.ts";
import type { Environment } from "../settings.ts";

interface Options {
  readonly name?: string;
  readonly var: string[];
  readonly users: string[];
  readonly managers: string[];
  readonly pool?: string;
}

export function addUpdate(jet: Command, env: Environment): void {
  jet
    .command("update")
    .description("change what a jet is called, varies by, and by whom it is used; runs nothing")
    .argument("<jet>", "its reference", reference)
    .option("--name <name>", "a name for people")
    .option(
      "--var <name=value>",
      "a variable; all that are given take the place of those it has",
      collect,
      [],
    )
    .option(
      "--users <users>",
      "who may use it, in place of those: references with commas",
      collectReferences,
      [],
    )
    .option("--managers <users>", "who may change it, in place of those", collectReferences, [])
    .option("--pool <pool>", "the pool whose runners run its actions", reference)
    .action(async (name: string, { var: pairs, users, managers, ...given }: Options, command: Command) => {
      const changes = {
        ...given,
        ...(pairs.length === 0 ? {} : { variables: parsePairs("--var", pairs) }),
        ...(users.length === 0 ? {} : { users }),
        ...(managers.length === 0 ? {} : { managers }),
      };
      if (Object.keys(changes).length === 0)
        throw new UsageError("nothing to change: --help shows what can be");
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const is = await client.call("jet.update", { reference: name, ...changes }, settings.timeoutMs);
        output.record(is, () => jetFields(is));
      });
    });
}
