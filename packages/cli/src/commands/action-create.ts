import type { CreatedAction } from "@jetmesh/protocol";
import type { Command } from "commander";
import { collect, parseArgument, reference } from "../arguments.ts";
import { contextOf, withMesh } from "../command-context.ts";
import { FailedError } from "../errors.ts";
import type { Environment } from "../settings.ts";
import { WAIT_MS } from "./jet-trigger.ts";

interface Options {
  readonly arg: string[];
  readonly argument?: string;
  readonly pool?: string;
  readonly key?: string;
  readonly wait: boolean;
}

export function addCreate(action: Command, env: Environment): void {
  action
    .command("create")
    .description("make an action of a kind that a runner has registered")
    .argument("<kind>", "the kind", reference)
    .option("--arg <name=value>", "a value of the argument; may be repeated", collect, [])
    .option("--argument <json>", "the argument, as a JSON object")
    .option("--pool <pool>", "the pool whose runners may execute it", reference)
    .option("--key <key>", "the same key again is the same request, and has no further effect")
    .option("--wait", "until it has ended; its error is exit code 1", false)
    .action(async (kind: string, { arg, argument, wait, ...rest }: Options, command: Command) => {
      const own = parseArgument({ arg, ...(argument === undefined ? {} : { argument }) });
      await withMesh(contextOf(command, env), async ({ client, settings, output }) => {
        const timeoutMs = settings.timeoutMs ?? WAIT_MS;
        const body = { kind, argument: own, ...rest, ...(wait ? { wait, timeoutMs } : {}) };
        const made = await client.request<CreatedAction>("action.create", body, settings.timeoutMs);
        output.result(made, () => [
          made.outcome === undefined ? made.actionId : `${made.actionId}  outcome: ${made.outcome}`,
          ...(made.result === undefined ? [] : [JSON.stringify(made.result)]),
        ]);
        if (made.outcome === "ERROR") {
          const { code, message } = made.error ?? { code: "internal", message: "no error was given" };
          throw new FailedError(`${code}: ${message}`);
        }
      });
    });
}
