import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type MeshClient, MeshError } from "@jetmesh/client";
import type { JetActionDefinition, JetRecord, TemplateDefinition, TriggerReply } from "@jetmesh/protocol";
import { actionFailed } from "../commands/jet-trigger.ts";
import { readSources } from "../definition-files.ts";
import { FailedError } from "../errors.ts";
import { importSources } from "../import-documents.ts";
import { readLogs } from "../logs.ts";
import { canRun, destroyAction, GOAL, jetOf, nextDown, nextUp, restOf } from "./example-plan.ts";

/** A folder of definitions, and the jet that shows them at work. */
export interface Example {
  readonly jet: string;
  /** From whatever state it is in, by as many actions as that takes. Gives the id of the last one. */
  bringUp(signal: AbortSignal): Promise<string>;
  /** To its resting state, with nothing left running. */
  bringDown(): Promise<void>;
  destroy(): Promise<void>;
}

export interface ExampleOptions {
  readonly client: MeshClient;
  readonly folder: string;
  /** Where the jet keeps its files; undefined for the template's own place. */
  readonly files: string | undefined;
  readonly line: (text: string) => void;
}

const ACTION_MS = 120_000;
const LOOK_EVERY_MS = 100;
/** More hops than a way has: two actions that undo each other's work do not go on for ever. */
const MAX_HOPS = 20;

/** Applies the definitions; undefined where there is no jet to make of them. */
export async function applyExample(options: ExampleOptions): Promise<Example | undefined> {
  const { client, folder, line } = options;
  const { items } = await importSources(() => Promise.resolve(client), readSources([folder]));
  const changed = items.filter(({ change }) => change !== "unchanged").length;
  line(
    `applied ${folder}: ${items.length} definitions, ${changed === 0 ? "nothing changed" : `${changed} changed`}`,
  );
  const reference = items.find(({ kind }) => kind === "Template")?.reference;
  if (reference === undefined) return undefined;
  const template = await client.request<TemplateDefinition>("template.get", { reference });
  return canRun(template) ? createExample(options, template) : undefined;
}

function createExample({ client, files, line }: ExampleOptions, template: TemplateDefinition): Example {
  const jet = jetOf(template);
  // Whatever a plan starts that outlives its step may end with this process, however that ends.
  const argument = { lifeline: process.pid };

  const trigger = async ({ reference }: JetActionDefinition): Promise<TriggerReply | undefined> => {
    try {
      const body = { jet, action: reference, argument, wait: true, timeoutMs: ACTION_MS };
      return await client.request<TriggerReply>("jet.trigger", body);
    } catch (thrown) {
      if (isOvertaken(thrown)) return undefined;
      throw thrown;
    }
  };
  const create = async (): Promise<TriggerReply> => {
    const variables =
      files !== undefined && "dir" in template.variables ? { dir: join(files, template.reference) } : {};
    const body = {
      template: template.reference,
      reference: jet,
      variables,
      wait: true,
      timeoutMs: ACTION_MS,
    };
    return client.request<TriggerReply>("jet.create", body);
  };
  const succeeded = (reply: TriggerReply): TriggerReply => {
    if (reply.outcome !== "SUCCESS") throw actionFailed(reply);
    return reply;
  };

  return {
    jet,
    async bringUp(signal) {
      let upBy: string | undefined;
      for (let hops = 0; hops < MAX_HOPS; hops += 1) {
        signal.throwIfAborted();
        const record = await resting(client, jet, signal);
        if (record === undefined) {
          succeeded(await create());
          continue;
        }
        if (hops === 0) line(`${jet} is there, ${record.state ?? "without a state"}`);
        if (record.state === GOAL && upBy !== undefined) return upBy;
        const action = nextUp(template, record.state);
        if (action === undefined) {
          if (record.state === GOAL) return record.last?.id ?? "";
          throw new FailedError(
            `no action of ${template.reference} leads from '${record.state ?? ""}' to '${GOAL}'`,
          );
        }
        const reply = await trigger(action);
        if (reply !== undefined) upBy = succeeded(reply).actionId ?? "";
      }
      throw new FailedError(
        `${jet} was not '${GOAL}' after ${MAX_HOPS} actions: somebody else triggers it too`,
      );
    },
    async bringDown() {
      const rest = restOf(template);
      for (let hops = 0; hops < MAX_HOPS; hops += 1) {
        const record = await resting(client, jet);
        const action =
          record === undefined || record.state === rest ? undefined : nextDown(template, record.state);
        if (action === undefined) return;
        const reply = await trigger(action);
        if (reply !== undefined) succeeded(reply);
      }
      throw new FailedError(
        `${jet} was not '${rest ?? ""}' after ${MAX_HOPS} actions: somebody else triggers it too`,
      );
    },
    async destroy() {
      const record = await resting(client, jet);
      const action = record === undefined ? undefined : destroyAction(template, record.state);
      if (action === undefined) throw new FailedError(`no action destroys ${jet} where it is`);
      const reply = await trigger(action);
      if (reply !== undefined) succeeded(reply);
    },
  };
}

/** Somebody else was quicker: look again. */
const isOvertaken = (thrown: unknown): boolean =>
  thrown instanceof MeshError && ["jet_busy", "action_not_available"].includes(thrown.code);

/** The jet, once no action of it is open and none waits; undefined where there is none. */
async function resting(
  client: MeshClient,
  jet: string,
  signal?: AbortSignal,
): Promise<JetRecord | undefined> {
  for (const until = performance.now() + ACTION_MS; ; ) {
    signal?.throwIfAborted();
    const record = await findJet(client, jet);
    if (record === undefined) return undefined;
    const { open, queue, target } = record;
    if (open === undefined && queue.length === 0 && target === undefined) return record;
    if (performance.now() > until) {
      throw new FailedError(
        `${jet} has not come to rest: its action ${open?.action ?? ""} is open\n  \`./jm action get ${open?.id ?? ""}\` says more`,
      );
    }
    await sleep(LOOK_EVERY_MS);
  }
}

async function findJet(client: MeshClient, reference: string): Promise<JetRecord | undefined> {
  try {
    return await client.request<JetRecord>("jet.get", { reference });
  } catch (thrown) {
    if (thrown instanceof MeshError && thrown.code === "unknown_jet") return undefined;
    throw thrown;
  }
}

/** The address that an action printed, asked for its page; undefined where it printed none. */
export async function checkSite(client: MeshClient, actionId: string): Promise<string | undefined> {
  let text = "";
  await readLogs(
    client,
    actionId,
    { after: 0 },
    ({ data }) => (text += Buffer.from(data, "base64").toString()),
  );
  const url = text.match(/http:\/\/127\.0\.0\.1:\d+\//g)?.at(-1);
  if (url === undefined) return undefined;
  const answer = await fetch(url, { signal: AbortSignal.timeout(5_000) });
  await answer.body?.cancel();
  if (answer.ok) return url;
  throw new FailedError(`${url} answers ${answer.status}`);
}
