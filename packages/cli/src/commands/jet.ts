import type { JetActionDefinition, JetRecord } from "@jetmesh/protocol";
import type { Command } from "commander";
import { reference, wholeNumber } from "../arguments.ts";
import { contextOf, withMesh } from "../command-context.ts";
import { listAll } from "../pages.ts";
import type { Environment } from "../settings.ts";
import { dateTime, NO_STATE } from "../table.ts";
import { addCreate, addTrigger } from "./jet-trigger.ts";

export function addJet(program: Command, env: Environment): void {
  const jet = program.command("jet").description("make, see and trigger jets");
  addCreate(jet, env);
  addTrigger(jet, env);
  addGet(jet, env);
  addList(jet, env);
  addActions(jet, env);
}

function addGet(jet: Command, env: Environment): void {
  jet
    .command("get")
    .description("show a jet")
    .argument("<jet>", "its reference", reference)
    .action(async (name: string, _options: unknown, command: Command) => {
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const record = await client.request<JetRecord>("jet.get", { reference: name }, settings.timeoutMs);
        output.record(record, () => jetFields(record));
      });
    });
}

function jetFields(record: JetRecord): (readonly [string, string | undefined])[] {
  const { open, target, last, queue, variables } = record;
  return [
    ["jet", record.reference],
    ["name", record.name],
    ["template", record.template],
    ["state", record.state ?? NO_STATE],
    ["open action", open === undefined ? undefined : `${open.action} by ${open.user}, ${open.id}`],
    ["target", target?.state],
    ["waiting", queue.length === 0 ? undefined : queue.map(({ action }) => action).join(", ")],
    ["last action", last === undefined ? undefined : `${last.action} ${last.outcome}, ${last.id}`],
    ["users", record.users.join(", ")],
    ["managers", record.managers.join(", ")],
    ["variables", Object.keys(variables).length === 0 ? undefined : JSON.stringify(variables)],
    ["created", dateTime(record.createdAt)],
    ["changed", dateTime(record.changedAt)],
  ];
}

function addList(jet: Command, env: Environment): void {
  jet
    .command("list")
    .description("list the jets that you may see")
    .option("--template <template>", "only those of a template", reference)
    .option("--state <state>", "only those in a state", reference)
    .option("--limit <n>", "at most so many", wholeNumber(1, 1_000_000), 1_000)
    .action(async (options: { template?: string; state?: string; limit: number }, command: Command) => {
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const { limit, ...filter } = options;
        const { timeoutMs } = settings;
        const answer = await listAll<JetRecord>(client, "jet.list", filter, { limit, timeoutMs });
        const sorted = {
          ...answer,
          items: answer.items.toSorted((a, b) => (a.reference < b.reference ? -1 : 1)),
        };
        output.table(sorted, ["JET", "TEMPLATE", "STATE", "ACTION", "CHANGED"], (one) => [
          one.reference,
          one.template,
          one.state ?? NO_STATE,
          one.open?.action ?? "",
          dateTime(one.changedAt),
        ]);
        if (answer.cursor !== undefined && !output.isJson)
          output.note(`there are more: --limit ${limit * 10}`);
      });
    });
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
