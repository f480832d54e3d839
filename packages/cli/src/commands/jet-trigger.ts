import { randomUUID } from "node:crypto";
import { MeshError } from "@jetmesh/client";
import type { Endpoint, TriggerReply } from "@jetmesh/protocol";
import { actionIdOfKey } from "@jetmesh/service-kit";
import type { Command } from "commander";
import { collect, collectReferences, parseArgument, parsePairs, reference } from "../arguments.ts";
import { contextOf, type MeshContext, withMesh } from "../command-context.ts";
import { FailedError } from "../errors.ts";
import type { Environment } from "../settings.ts";
import { NO_STATE } from "../table.ts";
import { startTimeline } from "../timeline.ts";

interface WaitOptions {
  readonly wait: boolean;
  readonly key?: string;
}

/** How long `--wait` waits where no `--timeout` says otherwise. */
export const WAIT_MS = 300_000;

const addWaitOptions = (command: Command): Command =>
  command
    .option("--wait", "show what happens until it has ended; its error is exit code 1", false)
    .option("--key <key>", "the same key again is the same request, and has no further effect");

export function addCreate(jet: Command, env: Environment): void {
  addWaitOptions(
    jet
      .command("create")
      .description("make a jet of a template and trigger its create action")
      .argument("<template>", "the template's reference", reference)
      .argument("[jet]", "its reference; made from the name, or drawn, where left out", reference)
      .option("--name <name>", "a name for people")
      .option("--var <name=value>", "a variable of the jet; may be repeated", collect, [])
      .option("--users <users>", "who may use it: references with commas between", collectReferences, [])
      .option("--managers <users>", "who may change it, beside you", collectReferences, []),
  ).action(
    async (
      template: string,
      name: string | undefined,
      options: WaitOptions & { name?: string; var: string[]; users: string[]; managers: string[] },
      command: Command,
    ) => {
      const { users, managers } = options;
      const variables = parsePairs("--var", options.var);
      const body = {
        template,
        ...(name === undefined ? {} : { reference: name }),
        ...(options.name === undefined ? {} : { name: options.name }),
        variables,
        users,
        managers,
      };
      await withMesh(contextOf(command, env), (context) => send(context, "jet.create", body, name, options));
    },
  );
}

export function addTrigger(jet: Command, env: Environment): void {
  addWaitOptions(
    jet
      .command("trigger")
      .description("trigger an action of a jet")
      .argument("<jet>", "the jet's reference", reference)
      .argument("<action>", "the action's reference", reference)
      .option("--arg <name=value>", "a value of the argument; may be repeated", collect, [])
      .option("--argument <json>", "the argument, as a JSON object")
      .option(
        "--var <name=value>",
        "a value for this run alone; for its managers; may be repeated",
        collect,
        [],
      )
      .option("--queue", "wait for its turn where the jet is busy", false)
      .option("--force", "also where other jets require it as it is; for its managers", false),
  ).action(
    async (
      name: string,
      action: string,
      options: WaitOptions & {
        arg: string[];
        argument?: string;
        var: string[];
        queue: boolean;
        force: boolean;
      },
      command: Command,
    ) => {
      const argument = parseArgument(options);
      const body = {
        jet: name,
        action,
        argument,
        ...(options.var.length === 0 ? {} : { variables: parsePairs("--var", options.var) }),
        ...(options.queue ? { onBusy: "queue" } : {}),
        ...(options.force ? { force: true } : {}),
      };
      await withMesh(contextOf(command, env), (context) => send(context, "jet.trigger", body, name, options));
    },
  );
}

async function send(
  context: MeshContext,
  endpoint: Endpoint,
  body: Record<string, unknown>,
  jet: string | undefined,
  { wait, key = randomUUID() }: WaitOptions,
): Promise<void> {
  const { client, settings, output } = context;
  if (!wait) {
    const reply = await client.request<TriggerReply>(endpoint, { ...body, key }, settings.timeoutMs);
    output.record(reply, () => replyFields(reply));
    return;
  }
  // The id is computed from the key, so the timeline can begin before anything happens.
  const actionId = actionIdOfKey(
    settings.user,
    key,
    endpoint === "jet.create" ? "create" : "trigger",
    jet ?? "",
  );
  const timeline = output.isJson
    ? undefined
    : await startTimeline(client, { actionId, jet, line: output.line });
  let reply: TriggerReply;
  try {
    const waiting = { ...body, key, wait: true, timeoutMs: settings.timeoutMs ?? WAIT_MS };
    reply = await client.request<TriggerReply>(endpoint, waiting);
  } catch (thrown) {
    if (!(thrown instanceof MeshError) || thrown.code === "wait_timeout") await timeline?.finish();
    throw thrown;
  }
  await timeline?.finish();
  output.record(reply, () => replyFields(reply));
  if (reply.outcome === "ERROR") throw actionFailed(reply);
}

const replyFields = (reply: TriggerReply): (readonly [string, string | undefined])[] => [
  ["jet", reply.jet],
  ["state", reply.state ?? NO_STATE],
  ["action", reply.actionId],
  ["queued", reply.queued === true ? "behind the open action, or until what it requires is up" : undefined],
  ["outcome", reply.outcome],
  ["result", reply.result === undefined || reply.result === null ? undefined : JSON.stringify(reply.result)],
];

/** The error of an action as this command's own failure. */
export function actionFailed({ error, actionId, jet }: TriggerReply): FailedError {
  const { code = "failed", message = "it failed", details } = error ?? {};
  const remedy = actionId === undefined ? "" : `\n  \`jm action logs ${actionId}\` shows what it printed`;
  return new FailedError(`the action of ${jet} failed with ${code}: ${message}${remedy}`, {
    code,
    ...(details === undefined ? {} : { details }),
  });
}
