import { resolve } from "node:path";
import { createNames, MAX_SHARDS, type UserDefinition } from "@jetmesh/protocol";
import { createUserKey, serverConfig } from "@jetmesh/storage";
import type { Command } from "commander";
import { wholeNumber } from "../arguments.ts";
import { openKeyFolder } from "../auth/key-folder.ts";
import { usersByKey } from "../auth/user-keys.ts";
import { contextOf, withMesh } from "../command-context.ts";
import { UsageError } from "../errors.ts";
import { listAll } from "../pages.ts";
import { type Environment, rootUser } from "../settings.ts";

interface ConfigOptions {
  readonly keys: string;
  readonly shards: number;
  readonly offline: boolean;
}

/** More than a server is likely to have accounts for. */
const MOST_USERS = 100_000;

export function addAuthConfig(auth: Command, env: Environment): void {
  auth
    .command("config")
    .description("print the accounts of a nats-server of your own, with the users that the mesh has")
    .requiredOption(
      "--keys <dir>",
      "where the keys are; those of services, the operator and root are made there",
    )
    .option("--shards <n>", "how many shards the mesh has", wholeNumber(1, MAX_SHARDS), 1)
    .option("--offline", "without asking the mesh: root is the only user, as for the first start", false)
    .action(async ({ keys, shards, offline }: ConfigOptions, command: Command) => {
      const context = contextOf(command, env);
      const { output, settings } = context;
      const folder = openKeyFolder(resolve(keys));
      const { operator, services } = folder.ensureKeys();
      const root = rootUser(env);
      if (folder.publicKeyOf(root) === undefined) folder.writeSeed(root, createUserKey().seed);
      const rootKey = folder.publicKeyOf(root);
      if (rootKey === undefined) throw new UsageError(`${folder.userFile(root)} cannot be read`);
      const credsFile = settings.credsFile ?? folder.userFile(root);
      const defined = offline
        ? []
        : await withMesh({ ...context, settings: { ...settings, credsFile } }, async ({ client }) => {
            const answer = await listAll<UserDefinition>(
              client,
              "user.list",
              {},
              { limit: MOST_USERS, timeoutMs: settings.timeoutMs },
            );
            return answer.items.flatMap(({ reference, publicKey }) =>
              publicKey === undefined ? [] : ([[reference, publicKey]] as const),
            );
          });
      const own = new Map([[root, rootKey], ["the operator", operator], ...Object.entries(services)]);
      const { users, problems } = usersByKey(new Map(defined), own, root);
      if (!output.isJson) for (const problem of problems) output.note(`not let in: ${problem}`);
      const names = createNames(settings.names.prefix, shards);
      const config = serverConfig({ names, keyring: { operator, services, users } });
      output.result({ config, problems }, () => [config.trimEnd()]);
    });
}
