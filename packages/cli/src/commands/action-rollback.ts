import { setTimeout as sleep } from "node:timers/promises";
import type { Command } from "commander";
import { contextOf, withMesh } from "../command-context.ts";
import { FailedError } from "../errors.ts";
import type { Environment } from "../settings.ts";
import { WAIT_MS } from "./jet-trigger.ts";

const LOOK_MS = 100;

export function addRollback(action: Command, env: Environment): void {
  action
    .command("rollback")
    .description("undo what a closed action did, where its kind or the steps of its plan say how")
    .argument("<id>", "the action's id")
    .option("--force", "although other jets require the jet where it is", false)
    .option("--wait", "until it is undone; a failure is exit code 1", false)
    .action(async (id: string, { force, wait }: { force: boolean; wait: boolean }, command: Command) => {
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const request = { id, ...(force ? { force } : {}) };
        let { action: now } = await client.call("action.rollback", request, settings.timeoutMs);
        const deadline = performance.now() + (settings.timeoutMs ?? WAIT_MS);
        while (wait && now.state === "REVERTING") {
          if (performance.now() > deadline)
            throw new FailedError(`${id} is still being undone; that goes on`);
          await sleep(LOOK_MS);
          now = await client.call("action.get", { id });
        }
        output.result(now, () => [`${id} is ${now.state}`]);
        if (wait && now.rollbackError !== undefined)
          throw new FailedError(`${now.rollbackError.code}: ${now.rollbackError.message}`);
      });
    });
}
