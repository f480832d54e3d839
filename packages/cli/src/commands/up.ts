import { existsSync } from "node:fs";
import { resolve } from "node:path";
import type { Command } from "commander";
import { wholeNumber } from "../arguments.ts";
import { contextOf } from "../command-context.ts";
import { UsageError } from "../errors.ts";
import { DEFAULT_STORE, type Environment, type GlobalOptions } from "../settings.ts";
import { runUp } from "../up/run-up.ts";

interface UpCommandOptions {
  readonly store?: string;
  readonly example?: string;
  readonly once: boolean;
  readonly runners: number;
  readonly port?: number;
  readonly auth: boolean;
}

export function addUp(program: Command, env: Environment): void {
  program
    .command("up")
    .description("run a mesh here: a nats-server, unless NATS_URL names one, and the five services")
    .option("--store <dir>", "where it keeps everything (default: .cache/run of this checkout)")
    .option("--example <dir>", "apply the definitions there and bring up a jet of their template")
    .option("--once", "on a throw-away store: up, down again, gone", false)
    .option("--runners <n>", "how many runners", wholeNumber(1, 64), 1)
    .option(
      "--port <n>",
      "the port on 127.0.0.1; -1 for any free one (default: 4222, else a free one)",
      wholeNumber(-1, 65_535),
    )
    .option(
      "--auth",
      "ask everybody who connects for a key (docs/security.md); a mesh that has it keeps it",
      false,
    )
    .action(async (options: UpCommandOptions, command: Command) => {
      const { settings, output } = contextOf(command, env);
      const { url } = command.optsWithGlobals<GlobalOptions>();
      if (options.once && options.store !== undefined) {
        throw new UsageError("--once makes a store of its own: leave out --store, or --once");
      }
      if (options.example !== undefined && !existsSync(options.example)) {
        throw new UsageError(`there is no folder '${options.example}' with an example`);
      }
      // A server that is there already, by option or environment.
      const serverUrl = url ?? (env["NATS_URL"] === "" ? undefined : env["NATS_URL"]);
      if (options.auth && serverUrl !== undefined) {
        throw new UsageError(
          "--auth configures the server that `up` starts: leave out --url and NATS_URL, or see docs/security.md",
        );
      }
      await runUp({
        settings,
        output,
        env,
        serverUrl,
        store: options.once ? undefined : resolve(options.store ?? DEFAULT_STORE),
        example: options.example,
        once: options.once,
        runners: options.runners,
        port: options.port,
        auth: options.auth,
      });
    });
}
