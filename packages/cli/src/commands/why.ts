import { type MeshClient, MeshError } from "@jetmesh/client";
import { type Waiting, whyAction, whyJet } from "@jetmesh/lifecycle";
import type { ActionView, JetView, TemplateDefinition } from "@jetmesh/protocol";
import type { Command } from "commander";
import { reference } from "../arguments.ts";
import { contextOf, withMesh } from "../command-context.ts";
import type { Environment } from "../settings.ts";
import { dateTime } from "../table.ts";

interface Why {
  readonly jet?: string | undefined;
  readonly action?: string | undefined;
  readonly waiting: Waiting;
}

export function addWhy(program: Command, env: Environment): void {
  program
    .command("why")
    .description("say what a jet or an action is waiting for")
    .argument("<jet-or-action>", "a jet's reference, or an action's id", reference)
    .action(async (name: string, _options: unknown, command: Command) => {
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const { timeoutMs } = settings;
        const why = await whyOf(client, name, timeoutMs);
        output.record(why, () => [
          ["jet", why.jet],
          ["action", why.action],
          ["waits for", why.waiting.message],
          ["until", why.waiting.until === undefined ? undefined : dateTime(why.waiting.until)],
        ]);
      });
    });
}

/** By this machine's clock: for what a person reads, near enough. */
async function whyOf(client: MeshClient, name: string, timeoutMs: number | undefined): Promise<Why> {
  try {
    const jet = await client.request<JetView>("jet.get", { reference: name }, timeoutMs);
    const open =
      jet.open === undefined
        ? undefined
        : await seen(client.request<ActionView>("action.get", { id: jet.open.id }, timeoutMs));
    const template =
      jet.queue.length === 0
        ? undefined
        : await seen(
            client.request<TemplateDefinition>("template.get", { reference: jet.template }, timeoutMs),
          );
    return { jet: name, action: jet.open?.id, waiting: whyJet(jet, Date.now(), { open, template }) };
  } catch (thrown) {
    if (!(thrown instanceof MeshError) || thrown.code !== "unknown_jet") throw thrown;
    // A name of 16 characters or more may be an action's; where it is neither, it is a jet that was meant.
    if (!/^[a-z0-9]{16,40}$/.test(name)) throw thrown;
    const record = await seen(client.request<ActionView>("action.get", { id: name }, timeoutMs));
    if (record === undefined) throw thrown;
    return { jet: record.jet, action: name, waiting: whyAction(record, Date.now()) };
  }
}

/** What is not there for this user is undefined. */
async function seen<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (thrown) {
    if (thrown instanceof MeshError && thrown.code.startsWith("unknown_")) return undefined;
    throw thrown;
  }
}
