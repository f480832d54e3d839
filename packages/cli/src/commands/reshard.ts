import { MAX_SHARDS } from "@jetmesh/protocol";
import { reshard } from "@jetmesh/storage";
import type { Command } from "commander";
import { wholeNumber } from "../arguments.ts";
import { contextOf, withBroker } from "../command-context.ts";
import type { Environment } from "../settings.ts";
import { assertStill } from "../still.ts";

/** What a runner that was killed leaves, its presence, goes after 15 s. */
const STILL_MS = 20_000;

export function addReshard(program: Command, env: Environment): void {
  program
    .command("reshard")
    .description("spread jets and actions over another number of streams; all services must be stopped")
    .requiredOption("--to <n>", "how many shards the mesh is to have", wholeNumber(1, MAX_SHARDS))
    .action(async ({ to }: { to: number }, command: Command) => {
      await withBroker(contextOf(command, env), async ({ client, settings, output }) => {
        const reports = await reshard(client.connection, client.names, {
          to,
          assertStill: () => assertStill(client, settings.timeoutMs ?? STILL_MS),
          say: output.line,
        });
        output.result({ shards: to, hops: reports }, () => [
          ...reports.map(
            ({ jets, actions, steps, from, to: next }) =>
              `${from} to ${next}: ${jets.lasting} jets, ${actions.lasting} open actions, ${jets.passing + actions.passing + steps.passing} records that go by themselves`,
          ),
          `the mesh has ${to} ${to === 1 ? "shard" : "shards"}; start its services, with JM_SHARDS=${to} or without it`,
        ]);
      });
    });
}
