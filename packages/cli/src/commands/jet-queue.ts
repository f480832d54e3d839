import type { JetView } from "@jetmesh/protocol";
import type { Command } from "commander";
import { reference } from "../arguments.ts";
import { contextOf, withMesh } from "../command-context.ts";
import type { Environment } from "../settings.ts";
import { dateTime } from "../table.ts";

export function addQueue(jet: Command, env: Environment): void {
  jet
    .command("queue")
    .description("list what waits for a jet, the next one first; `action cancel` takes one out")
    .argument("<jet>", "its reference", reference)
    .action(async (name: string, _options: unknown, command: Command) => {
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const { queue } = await client.request<JetView>("jet.get", { reference: name }, settings.timeoutMs);
        output.table({ items: queue }, ["ID", "ACTION", "BY", "ASKED", "ARGUMENT"], (waiting) => [
          waiting.id,
          waiting.action,
          waiting.user,
          dateTime(waiting.at),
          Object.keys(waiting.argument).length === 0 ? "" : JSON.stringify(waiting.argument),
        ]);
      });
    });
}
