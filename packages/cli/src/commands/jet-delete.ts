import type { Command } from "commander";
import { reference } from "../arguments.ts";
import { contextOf, withMesh } from "../command-context.ts";
import type { Environment } from "../settings.ts";

export function addDelete(jet: Command, env: Environment): void {
  jet
    .command("delete")
    .description("delete a jet without running anything; trigger what destroys it to end what it stands for")
    .argument("<jet>", "its reference", reference)
    .option("--force", "also where other jets require it as it is", false)
    .action(async (name: string, { force }: { force: boolean }, command: Command) => {
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const request = { reference: name, ...(force ? { force } : {}) };
        const reply = await client.request("jet.delete", request, settings.timeoutMs);
        output.result(reply, () => [`jet ${name} is deleted`]);
      });
    });
}
