import type { Command } from "commander";
import { contextOf, withMesh } from "../command-context.ts";
import type { Environment } from "../settings.ts";

interface ApproveOptions {
  readonly step?: string;
  readonly refuse: boolean;
  readonly comment?: string;
}

export function addApprove(action: Command, env: Environment): void {
  action
    .command("approve")
    .description("answer a step that waits for a person")
    .argument("<id>", "the action's id")
    .option("--step <step>", "which, where several wait")
    .option("--refuse", "the answer is no: the step fails", false)
    .option("--comment <text>", "kept with the answer")
    .action(async (id: string, { step, refuse, comment }: ApproveOptions, command: Command) => {
      const request = {
        ...{ id, approved: !refuse },
        ...(step === undefined ? {} : { step }),
        ...(comment === undefined ? {} : { comment }),
      };
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const done = await client.call("action.approve", request, settings.timeoutMs);
        output.result(done, () => [`${id}: step '${done.step}' is ${refuse ? "refused" : "approved"}`]);
      });
    });
}
