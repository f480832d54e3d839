import type { ActionView } from "@jetmesh/protocol";
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
    .option("--force", "also where that leaves out what its plans always run", false)
    .action(async (id: string, { jet, force }: { jet?: string; force: boolean }, command: Command) => {
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const request = { id, ...(jet === undefined ? {} : { jet }), ...(force ? { force } : {}) };
        const reply = await client.call("action.cancel", request, settings.timeoutMs);
        output.result(reply, () => [
          "action" in reply ? lineOf(reply.action) : `${id} waits no more for ${reply.jet}`,
        ]);
      });
    });
}

const lineOf = ({ id, state, outcome, cut }: ActionView): string =>
  outcome === undefined && cut !== undefined
    ? `${id} is ${state}, and ends when what it always runs has run`
    : `${id} is ${state}`;
