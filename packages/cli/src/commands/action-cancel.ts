import type { Command } from "commander";
import { reference } from "../arguments.ts";
import { contextOf, withMesh } from "../command-context.ts";
import type { Environment } from "../settings.ts";

export function addCancel(action: Command, env: Environment): void {
  action
    .command("cancel")
    .description("end an action, and the processes that its step runs; or one that waits for its jet")
    .argument("<id>", "its id")
    .option("--jet <jet>", "the jet that it waits for, which saves a search", reference)
    .action(async (id: string, { jet }: { jet?: string }, command: Command) => {
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const request = { id, ...(jet === undefined ? {} : { jet }) };
        const reply = await client.call("action.cancel", request, settings.timeoutMs);
        output.result(reply, () => [
          "action" in reply ? `${id} is ${reply.action.state}` : `${id} waits no more for ${reply.jet}`,
        ]);
      });
    });
}
