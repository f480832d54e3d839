import type { Command } from "commander";
import { contextOf, withMesh } from "../command-context.ts";
import { UsageError } from "../errors.ts";
import type { Environment } from "../settings.ts";

export function addSignal(action: Command, env: Environment): void {
  action
    .command("signal")
    .description("say something to an action that waits for it, or will: an approval, an answer")
    .argument("<id>", "the action's id")
    .argument("<name>", "the name of what it waits for")
    .option("--payload <json>", "what it is given, as JSON")
    .option("--key <key>", "the same key again is the same signal, and has no further effect")
    .action(
      async (id: string, name: string, options: { payload?: string; key?: string }, command: Command) => {
        const { payload, key } = options;
        const request = {
          ...{ id, name },
          ...(payload === undefined ? {} : { payload: parsePayload(payload) }),
          ...(key === undefined ? {} : { key }),
        };
        await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
          const told = await client.request("action.signal", request, settings.timeoutMs);
          output.result(told, () => [`${id} has been told '${name}'`]);
        });
      },
    );
}

function parsePayload(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new UsageError(`--payload is not JSON: ${text}`);
  }
}
