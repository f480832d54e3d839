import { randomUUID } from "node:crypto";
import type { PathReply, TargetReply } from "@jetmesh/protocol";
import type { Command } from "commander";
import { reference } from "../arguments.ts";
import { contextOf, type MeshContext, withMesh } from "../command-context.ts";
import { FailedError, UsageError } from "../errors.ts";
import { followJets, mayReadBuckets } from "../follow-jet.ts";
import { formatJetChange, type JetChange } from "../jet-changes.ts";
import { pollJets } from "../poll-jets.ts";
import type { Environment } from "../settings.ts";
import { NO_STATE } from "../table.ts";
import { WAIT_MS } from "./jet-trigger.ts";

export function addPath(jet: Command, env: Environment): void {
  jet
    .command("path")
    .description("list the actions that would bring a jet to a state, in their order")
    .argument("<jet>", "its reference", reference)
    .argument("<state>", "the state", reference)
    .action(async (name: string, state: string, _options: unknown, command: Command) => {
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const path = await client.request<PathReply>("jet.path", { jet: name, state }, settings.timeoutMs);
        if (path.items.length === 0 && !output.isJson) output.line(`${name} is ${state}`);
        else
          output.table(path, ["ACTION", "NAME", "FROM", "TRANSIT", "TO", "PLAN"], (action) => [
            action.reference,
            action.name,
            action.from ?? NO_STATE,
            action.transit,
            action.to ?? NO_STATE,
            action.plan ?? "",
          ]);
      });
    });
}

interface TargetOptions {
  readonly cancel: boolean;
  readonly wait: boolean;
  readonly key?: string;
}

export function addTarget(jet: Command, env: Environment): void {
  jet
    .command("target")
    .description("bring a jet to a state, over as many actions as it takes")
    .argument("<jet>", "its reference", reference)
    .argument("[state]", "the state; the newest counts", reference)
    .option("--cancel", "go no further; the action that runs goes on to its end", false)
    .option("--wait", "show what happens until it is there; not getting there is exit code 1", false)
    .option("--key <key>", "the same key again is the same request, and has no further effect")
    .action(async (name: string, state: string | undefined, options: TargetOptions, command: Command) => {
      if ((state === undefined) !== options.cancel)
        throw new UsageError("name a state to bring the jet to, or --cancel");
      if (options.cancel && options.wait)
        throw new UsageError("--wait has nothing to wait for with --cancel");
      await withMesh(contextOf(command, env), (context) => send(context, name, state ?? null, options));
    });
}

async function send(
  context: MeshContext,
  jet: string,
  state: string | null,
  { wait, key = randomUUID() }: TargetOptions,
): Promise<void> {
  const { client, settings, output } = context;
  const request = { jet, state, key };
  const isShown = wait && !output.isJson;
  const finish = isShown ? await showChanges(context, jet) : undefined;
  let reply: TargetReply;
  try {
    reply = wait
      ? await client.request<TargetReply>("jet.target", {
          ...request,
          wait,
          timeoutMs: settings.timeoutMs ?? WAIT_MS,
        })
      : await client.request<TargetReply>("jet.target", request, settings.timeoutMs);
  } finally {
    await finish?.();
  }
  output.record(reply, () => [
    ["jet", reply.jet],
    ["state", reply.state ?? NO_STATE],
    ["target", reply.target?.state],
    ["action", reply.actionId],
    ["outcome", reply.outcome],
  ]);
  const { outcome, error } = reply;
  if (outcome !== "ERROR") return;
  const { code = "failed", message = "it failed" } = error ?? {};
  throw new FailedError(`jet '${jet}' is not brought to '${state ?? ""}': ${code}: ${message}`, { code });
}

const CATCH_UP_MS = 2_000;

/** Every change of the jet, line by line, until what it gives is called. Nothing hangs on it. */
async function showChanges({ client, output }: MeshContext, jet: string): Promise<() => Promise<void>> {
  const watch = { jet, onChange: (change: JetChange) => output.line(formatJetChange(change)) };
  const follower = (await mayReadBuckets(client))
    ? followJets(client, await client.meshNames(), watch)
    : pollJets(client, watch);
  await Promise.race([follower.ready, new Promise((resolve) => setTimeout(resolve, CATCH_UP_MS).unref())]);
  return async () => {
    await follower.catchUp(CATCH_UP_MS);
    await follower.stop();
  };
}
