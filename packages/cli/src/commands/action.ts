import type { ActionRecord, ChangedAction } from "@jetmesh/protocol";
import type { Command } from "commander";
import { formatStep, formatWorkflowStep } from "../action-progress.ts";
import { reference, wholeNumber } from "../arguments.ts";
import { contextOf, withMesh } from "../command-context.ts";
import { printLogs } from "../logs.ts";
import { listAll, noteMore } from "../pages.ts";
import type { Environment } from "../settings.ts";
import { clockTime, dateTime, formatDuration } from "../table.ts";
import { addApprove } from "./action-approve.ts";
import { addCancel } from "./action-cancel.ts";
import { addCreate } from "./action-create.ts";
import { addRollback } from "./action-rollback.ts";
import { addSignal } from "./action-signal.ts";
import { addSteps } from "./action-steps.ts";

export function addAction(program: Command, env: Environment): void {
  const action = program
    .command("action")
    .description("make actions, see them and what they print, change them");
  addCreate(action, env);
  addGet(action, env);
  addList(action, env);
  for (const verb of ["pause", "resume"] as const) addChange(action, env, verb);
  addCancel(action, env);
  addRollback(action, env);
  addSignal(action, env);
  addApprove(action, env);
  addSteps(action, env);
  action
    .command("logs")
    .description("show what the steps of an action printed")
    .argument("<id>", "the action's id")
    .option("--follow", "go on until the action has ended", false)
    .action(async (id: string, { follow }: { follow: boolean }, command: Command) => {
      await withMesh(contextOf(command, env), (context) => printLogs(context, id, follow));
    });
}

const CHANGES = {
  pause: "pause an action: what runs is finished first, and its delays stop counting",
  resume: "let a paused action go on, with what was left of its delays",
} as const;

function addChange(action: Command, env: Environment, verb: keyof typeof CHANGES): void {
  action
    .command(verb)
    .description(CHANGES[verb])
    .argument("<id>", "the action's id")
    .action(async (id: string, _options: unknown, command: Command) => {
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const changed = await client.request<ChangedAction>(`action.${verb}`, { id }, settings.timeoutMs);
        output.result(changed, () => [
          changed.pausing === true
            ? `${id} pauses as soon as what it runs is over`
            : `${id} is ${changed.action.state}`,
        ]);
      });
    });
}

function addGet(action: Command, env: Environment): void {
  action
    .command("get")
    .description("show an action: where it is, and how it got there")
    .argument("<id>", "the action's id")
    .action(async (id: string, _options: unknown, command: Command) => {
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const record = await client.request<ActionRecord>("action.get", { id }, settings.timeoutMs);
        output.result(record, () => actionLines(record));
      });
    });
}

function actionLines(record: ActionRecord): string[] {
  const { error, claim, timers, older } = record;
  const fields = [
    ["action", record.id],
    ["jet", record.jet],
    ["does", record.definition.jetAction?.reference ?? record.kind],
    ["by", record.user],
    ["step of", record.parent],
    ["ends as", record.follows],
    ["state", record.state],
    ["outcome", record.outcome],
    ["error", error === undefined ? undefined : `${error.code}: ${error.message}`],
    ["attempt", record.attempt > 1 ? String(record.attempt) : undefined],
    ["runner", claim === undefined ? undefined : `${claim.runner}, ${claim.runs}`],
    ["not before", timers.notBefore === undefined ? undefined : dateTime(timers.notBefore)],
    ["pool", record.pool],
    ["created", dateTime(record.createdAt)],
  ] as const;
  const shown = fields.filter(([, value]) => value !== undefined);
  return [
    ...shown.map(([name, value]) => `${`${name}:`.padEnd(12)}${value ?? ""}`),
    ...record.transitions.map(
      ({ at, to, why }) => `  ${clockTime(at)}  ${to}${why === undefined ? "" : ` (${why})`}`,
    ),
    ...record.journal.map((entry) => `  ${formatStep(entry)}`),
    ...(older === undefined || older.steps === 0
      ? []
      : [`  ${String(older.steps)} older steps: jm action steps ${record.id}`]),
    ...(record.steps ?? []).map((step) => `  ${formatWorkflowStep(step)}`),
  ];
}

function addList(action: Command, env: Environment): void {
  action
    .command("list")
    .description("list actions, the last changed last; closed ones go after a day")
    .option("--jet <jet>", "only those of a jet", reference)
    .option("--limit <n>", "at most so many", wholeNumber(1, 1_000_000), 1_000)
    .option("--cursor <cursor>", "go on from where a list before ended")
    .action(
      async ({ limit, ...filter }: { jet?: string; limit: number; cursor?: string }, command: Command) => {
        await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
          const { timeoutMs } = settings;
          const answer = await listAll<ActionRecord>(client, "action.list", filter, { limit, timeoutMs });
          output.table(
            answer,
            ["ID", "JET", "ACTION", "BY", "STATE", "OUTCOME", "CREATED", "TOOK"],
            (one) => [
              one.id,
              one.jet ?? "",
              one.definition.jetAction?.reference ?? one.kind,
              one.user,
              one.state,
              one.outcome ?? "",
              dateTime(one.createdAt),
              one.endedAt === undefined
                ? ""
                : formatDuration(Date.parse(one.endedAt) - Date.parse(one.createdAt)),
            ],
          );
          noteMore(output, answer, limit);
        });
      },
    );
}
