import type { MeshClient } from "@jetmesh/client";
import { MAX_SHARDS } from "@jetmesh/protocol";
import { ensureError } from "@jetmesh/storage";
import type { Command } from "commander";
import { type CommandContext, contextOf, withBroker } from "../command-context.ts";
import { checkRunners, checkServer, checkStreams, type Told } from "../doctor/broker.ts";
import { type Finding, wrong } from "../doctor/finding.ts";
import { checkRestored, formatGoesOn, release } from "../doctor/restored.ts";
import { askHealth, judgeServices } from "../doctor/services.ts";
import { FailedError, UsageError } from "../errors.ts";
import type { Environment } from "../settings.ts";
import { formatTable } from "../table.ts";

export function addDoctor(program: Command, env: Environment): void {
  program
    .command("doctor")
    .description("check the broker, the streams and the services; changes nothing")
    .option("--restored", "let a mesh go on whose store was restored from a backup", false)
    .action(async ({ restored }: { restored: boolean }, command: Command) => {
      const context = contextOf(command, env);
      if (restored) return letGoOn(context);
      const told = {
        replicas: numberOf("JM_REPLICAS", env["JM_REPLICAS"], 5) ?? 1,
        shards: numberOf("JM_SHARDS", env["JM_SHARDS"], MAX_SHARDS),
      };
      await withBroker(context, async ({ client, output, settings }) => {
        const findings = await examine(client, told);
        const isWell = findings.every(({ status }) => status !== "wrong");
        const { url, from } = settings.address;
        output.result({ ok: isWell, url, findings }, () => [`${url} (${from})`, ...lines(findings)]);
        if (!isWell) {
          const count = findings.filter(({ status }) => status === "wrong").length;
          throw new FailedError(`${count} ${count === 1 ? "thing is" : "things are"} wrong`, {
            code: "unwell",
          });
        }
      });
    });
}

const letGoOn = (context: CommandContext): Promise<void> =>
  withBroker(context, async ({ client, output }) => {
    const released = await release(client);
    output.result({ released: released !== undefined, ...released }, () =>
      released === undefined
        ? ["nothing waits: the store was not restored, or was let go on already"]
        : [`the mesh goes on from the backup of ${released.backup.at}: ${formatGoesOn(released.goesOn)}`],
    );
  });

function numberOf(variable: string, given = "", most: number): number | undefined {
  if (given === "") return undefined;
  const value = Number(given);
  if (Number.isInteger(value) && value >= 1 && value <= most) return value;
  throw new UsageError(`${variable} is '${given}', not 1 to ${most}`);
}

/** One check that cannot be made does not keep the others from being made. */
async function examine(client: MeshClient, told: Told): Promise<Finding[]> {
  const checks: [string, Promise<Finding[]>][] = [
    ["server", checkServer(client).then((finding) => [finding])],
    ["services", askHealth(client).then(judgeServices)],
    ["runners", checkRunners(client)],
    ["topology", checkStreams(client, told)],
    ["backup", checkRestored(client)],
  ];
  const found = await Promise.all(
    checks.map(([name, check]) =>
      check.catch((thrown: unknown) => [
        wrong(name, `cannot be told: ${ensureError(thrown).message}`, "see what else is wrong first"),
      ]),
    ),
  );
  return found.flat();
}

function lines(findings: readonly Finding[]): string[] {
  const rows = findings.map(({ status, check, found, remedy }) => [status, check, found, remedy ?? ""]);
  return formatTable(["", "CHECK", "FOUND", "WHAT TO DO"], rows);
}
