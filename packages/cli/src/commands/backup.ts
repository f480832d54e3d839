import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { markBackup, releaseMesh } from "@jetmesh/storage";
import type { Command } from "commander";
import { contextOf, withBroker } from "../command-context.ts";
import { FailedError } from "../errors.ts";
import type { Environment } from "../settings.ts";

export function addBackup(program: Command, env: Environment): void {
  program
    .command("backup")
    .description(
      "run a command that copies the broker's store; a mesh that is restored from that starts paused",
    )
    .argument("<command...>", "behind --: what copies it, as `nats account backup DIR`")
    .action(async (words: string[], _options: unknown, command: Command) => {
      await withBroker(contextOf(command, env), async ({ client: { connection, names }, output }) => {
        const mark = { id: randomUUID(), at: new Date().toISOString() };
        await markBackup(connection, names, mark);
        let exitCode: number | null;
        let isMarked = true;
        try {
          // What it prints is its own; a machine reads one line of ours.
          exitCode = await run(words, output.isJson);
        } finally {
          isMarked = (await releaseMesh(connection, names, mark.id)) !== undefined;
        }
        if (exitCode !== 0)
          throw new FailedError(
            `\`${words.join(" ")}\` ended with ${exitCode ?? "a signal"}: there is no backup`,
            {
              code: "backup_failed",
            },
          );
        if (!isMarked)
          throw new FailedError(
            "somebody let the mesh go on while the backup was taken: what is restored from it would not start paused\n  take it again",
            { code: "backup_failed" },
          );
        output.result({ at: mark.at, command: words }, () => [
          `the backup of ${mark.at} is taken; a mesh that is restored from it starts paused until \`jm doctor --restored\``,
        ]);
      });
    });
}

/** To its end, whatever signals come: the mark is taken off behind it. */
function run([file = "", ...args]: readonly string[], isQuiet: boolean): Promise<number | null> {
  const child = spawn(file, args, { stdio: ["inherit", isQuiet ? 2 : "inherit", "inherit"] });
  const forward = (signal: NodeJS.Signals): void => void child.kill(signal);
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, forward);
  return new Promise<number | null>((resolve, reject) => {
    child.once("error", (error) => reject(new FailedError(`cannot run ${file}: ${error.message}`)));
    child.once("close", resolve);
  }).finally(() => {
    for (const signal of signals) process.off(signal, forward);
  });
}
