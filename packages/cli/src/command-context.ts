import type { MeshClient } from "@jetmesh/client";
import type { Command } from "commander";
import { FailedError } from "./errors.ts";
import { mayReadBuckets } from "./follow-jet.ts";
import { createOutput, type Output } from "./output.ts";
import { connect, type Environment, type GlobalOptions, readSettings, type Settings } from "./settings.ts";

/** What every command works with. */
export interface CommandContext {
  readonly settings: Settings;
  readonly output: Output;
  readonly env: Environment;
}

export interface MeshContext extends CommandContext {
  readonly client: MeshClient;
}

export const contextOf = (command: Command, env: Environment): CommandContext => {
  const options = command.optsWithGlobals<GlobalOptions>();
  return { settings: readSettings(options, env), output: createOutput(options.json === true), env };
};

/** As `withMesh`, for what is asked of the broker and no user may: needs the operator's key where there are keys. */
export const withBroker = <T>(
  context: CommandContext,
  run: (context: MeshContext) => Promise<T>,
): Promise<T> =>
  withMesh(
    { ...context, settings: { ...context.settings, credsFile: context.settings.operatorFile } },
    async (mesh) => {
      if (await mayReadBuckets(mesh.client)) return run(mesh);
      throw new FailedError(
        "this looks into the broker, which no user may\n  name the operator's key by NATS_CREDS_FILE: operator.nk beside the keys of the services",
        { code: "forbidden" },
      );
    },
  );

/** Runs with a connection that is closed whatever happens. */
export async function withMesh<T>(
  context: CommandContext,
  run: (context: MeshContext) => Promise<T>,
): Promise<T> {
  const client = await connect(context.settings);
  try {
    return await run({ ...context, client });
  } finally {
    await client.close();
  }
}
