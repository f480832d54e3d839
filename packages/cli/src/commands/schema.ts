import { documentSchema } from "@jetmesh/protocol";
import type { Command } from "commander";
import { contextOf } from "../command-context.ts";
import type { Environment } from "../settings.ts";

export function addSchema(program: Command, env: Environment): void {
  program
    .command("schema")
    .description("print the JSON Schema of what `apply -f` takes, for editors")
    .action((_options: object, command: Command) => {
      const { output } = contextOf(command, env);
      const schema = documentSchema();
      output.result(schema, () => JSON.stringify(schema, null, 2).split("\n"));
    });
}
