import { randomUUID } from "node:crypto";
import type { ReplyOf } from "@jetmesh/client";
import type { ScheduleView } from "@jetmesh/protocol";
import type { Command } from "commander";
import { reference } from "../arguments.ts";
import { contextOf, withMesh } from "../command-context.ts";
import { groupOf } from "../command-group.ts";
import { FailedError } from "../errors.ts";
import type { Environment } from "../settings.ts";
import { dateTime } from "../table.ts";
import { WAIT_MS } from "./jet-trigger.ts";

/** `schedule pause|resume|run`; the other verbs are those of every definition. */
export function addSchedule(program: Command, env: Environment): void {
  const schedule = groupOf(program, "schedule", "see, pause, run and delete schedules");
  addPause(schedule, env);
  addResume(schedule, env);
  addRun(schedule, env);
}

function addPause(schedule: Command, env: Environment): void {
  schedule
    .command("pause")
    .description("have nothing of a schedule fall due, until it is resumed or applied without `paused`")
    .argument("<reference>", "its reference", reference)
    .action(async (name: string, _options: unknown, command: Command) => {
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const body = { reference: name };
        const view = await client.request<ScheduleView>("schedule.pause", body, settings.timeoutMs);
        output.result(view, () => [`schedule ${name} is paused`]);
      });
    });
}

function addResume(schedule: Command, env: Environment): void {
  schedule
    .command("resume")
    .description("have a paused schedule go on with what falls due next; it fires with your rights then")
    .argument("<reference>", "its reference", reference)
    .action(async (name: string, _options: unknown, command: Command) => {
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const body = { reference: name };
        const view = await client.request<ScheduleView>("schedule.resume", body, settings.timeoutMs);
        const next = view.next === undefined ? "never" : dateTime(view.next);
        output.result(view, () => [`schedule ${name} goes on; next: ${next}`]);
      });
    });
}

interface RunOptions {
  readonly wait: boolean;
  readonly key?: string;
}

function addRun(schedule: Command, env: Environment): void {
  schedule
    .command("run")
    .description("do now, as you, what a schedule does; what falls due stays as it is")
    .argument("<reference>", "its reference", reference)
    .option("--wait", "until it has ended; its error is exit code 1", false)
    .option("--key <key>", "the same key again is the same request, and has no further effect")
    .action(async (name: string, { wait, key = randomUUID() }: RunOptions, command: Command) => {
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const { timeoutMs } = settings;
        const body = { reference: name, key };
        const reply = wait
          ? await client.request<Reply>("schedule.run", { ...body, wait, timeoutMs: timeoutMs ?? WAIT_MS })
          : await client.request<Reply>("schedule.run", body, timeoutMs);
        output.record(reply, () => fieldsOf(reply));
        if (reply.outcome !== "ERROR") return;
        const { code = "failed", message = "it failed" } = reply.error ?? {};
        throw new FailedError(`what schedule ${name} does failed with ${code}: ${message}`, { code });
      });
    });
}

type Reply = ReplyOf<"schedule.run">;

const fieldsOf = ({ jet, actionId, queued, outcome }: Reply): (readonly [string, string | undefined])[] => [
  ["jet", jet],
  ["action", actionId],
  ["queued", queued === true ? "behind the open action" : undefined],
  ["outcome", outcome],
];
