import type { MeshClient } from "@jetmesh/client";
import type { Command } from "commander";
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
