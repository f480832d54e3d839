import type { WorkflowStep } from "@jetmesh/protocol";
import type { Command } from "commander";
import { formatWorkflowStep } from "../action-progress.ts";
import { wholeNumber } from "../arguments.ts";
import { contextOf, withMesh } from "../command-context.ts";
import { type List, noteMore } from "../pages.ts";
import type { Environment } from "../settings.ts";

const PAGE = 500;

export function addSteps(action: Command, env: Environment): void {
  action
    .command("steps")
    .description(
      "show all steps of a workflow, in the order in which they ended; those that have not come last",
    )
    .argument("<id>", "the action's id")
    .option("--limit <n>", "at most so many", wholeNumber(1, 1_000_000), 1_000)
    .option("--cursor <cursor>", "go on from where a list before ended")
    .action(
      async (id: string, { limit, cursor: from }: { limit: number; cursor?: string }, command: Command) => {
        await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
          const items: WorkflowStep[] = [];
          let cursor = from;
          do {
            const ask = {
              id,
              limit: Math.min(PAGE, limit - items.length),
              ...(cursor === undefined ? {} : { cursor }),
            };
            const page = await client.request<List<WorkflowStep>>("action.steps", ask, settings.timeoutMs);
            items.push(...page.items);
            cursor = page.cursor;
          } while (cursor !== undefined && items.length < limit);
          const answer = cursor === undefined ? { items } : { items, cursor };
          output.result(answer, () => items.map(formatWorkflowStep));
          noteMore(output, answer, limit);
        });
      },
    );
}
