import type { JetActionDefinition, JetView } from "@jetmesh/protocol";
import type { Command } from "commander";
import { reference, wholeNumber } from "../arguments.ts";
import { contextOf, withMesh } from "../command-context.ts";
import { HIDDEN, jetFields } from "../jet-fields.ts";
import { listAll, noteMore } from "../pages.ts";
import type { Environment } from "../settings.ts";
import { dateTime, NO_STATE } from "../table.ts";
import { addDelete } from "./jet-delete.ts";
import { addQueue } from "./jet-queue.ts";
import { addPath, addTarget } from "./jet-target.ts";
import { addCreate, addTrigger } from "./jet-trigger.ts";
import { addUpdate } from "./jet-update.ts";

export function addJet(program: Command, env: Environment): void {
  const jet = program.command("jet").description("make, see, trigger, change and delete jets");
  addCreate(jet, env);
  addTrigger(jet, env);
  addGet(jet, env);
  addList(jet, env);
  addActions(jet, env);
  addPath(jet, env);
  addTarget(jet, env);
  addQueue(jet, env);
  addUpdate(jet, env);
  addDelete(jet, env);
}

function addGet(jet: Command, env: Environment): void {
  jet
    .command("get")
    .description("show a jet")
    .argument("<jet>", "its reference", reference)
    .action(async (name: string, _options: unknown, command: Command) => {
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const record = await client.request<JetView>("jet.get", { reference: name }, settings.timeoutMs);
        output.record(record, () => jetFields(record));
      });
    });
}

function addList(jet: Command, env: Environment): void {
  jet
    .command("list")
    .description("list the jets that you may see")
    .option("--template <template>", "only those of a template", reference)
    .option("--state <state>", "only those in a state", reference)
    .option("--limit <n>", "at most so many", wholeNumber(1, 1_000_000), 1_000)
    .option("--cursor <cursor>", "go on from where a list before ended")
    .action(
      async (
        options: { template?: string; state?: string; limit: number; cursor?: string },
        command: Command,
      ) => {
        await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
          const { limit, ...filter } = options;
          const { timeoutMs } = settings;
          const answer = await listAll<JetView>(client, "jet.list", filter, { limit, timeoutMs });
          const sorted = {
            ...answer,
            items: answer.items.toSorted((a, b) => (a.reference < b.reference ? -1 : 1)),
          };
          output.table(sorted, ["JET", "TEMPLATE", "STATE", "ACTION", "CHANGED"], (one) => [
            one.reference,
            one.template,
            one.state ?? NO_STATE,
            one.open === undefined ? "" : (one.open.action ?? HIDDEN),
            dateTime(one.changedAt),
          ]);
          noteMore(output, answer, limit);
        });
      },
    );
}

function addActions(jet: Command, env: Environment): void {
  jet
    .command("actions")
    .description("list the actions that you may trigger on a jet now")
    .argument("<jet>", "its reference", reference)
    .action(async (name: string, _options: unknown, command: Command) => {
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const request = { reference: name };
        const answer = await client.request<{ items: JetActionDefinition[] }>(
          "jet.actions",
          request,
          settings.timeoutMs,
        );
        output.table(answer, ["ACTION", "NAME", "FROM", "TRANSIT", "TO", "ON ERROR"], (action) => [
          action.reference,
          action.name,
          action.from ?? NO_STATE,
          action.transit,
          action.to ?? `${NO_STATE} (destroys)`,
          action.error ?? action.from ?? NO_STATE,
        ]);
      });
    });
}
