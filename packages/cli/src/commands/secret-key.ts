import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type MeshClient, MeshError } from "@jetmesh/client";
import type { RotatedKey } from "@jetmesh/protocol";
import { isSealKey, readSealKeys } from "@jetmesh/storage";
import { type Command, InvalidArgumentError } from "commander";
import { addSeed, forgetOlderSeeds, seedFileOf } from "../auth/secret-seeds.ts";
import { contextOf, withMesh } from "../command-context.ts";
import { UsageError } from "../errors.ts";
import { DEFAULT_STORE, type Environment } from "../settings.ts";

interface RotateOptions {
  readonly store?: string;
  readonly seedFile?: string;
  readonly publicKey?: string;
  readonly forget: boolean;
}

/** Of one request, which seals some records anew. */
const ROTATE_MS = 60_000;

export function addRotateKey(secret: Command, env: Environment): void {
  secret
    .command("rotate-key")
    .description("seal all secrets to another key; stopped anywhere, it goes on when it is run again")
    .option(
      "--store <dir>",
      "the store of the `up` that keeps the seeds (default: .cache/run of this checkout)",
    )
    .option("--seed-file <file>", "the file of seeds that runners read, where that is another")
    .option("--public-key <key>", "one whose seed all runners hold already, in place of a new one", sealKey)
    .option(
      "--forget",
      "leave the newest seed alone in the file, once nothing is sealed to older ones",
      false,
    )
    .action(async ({ store, seedFile, publicKey, forget }: RotateOptions, command: Command) => {
      const file =
        publicKey === undefined
          ? resolve(seedFile ?? seedFileOf(resolve(store ?? DEFAULT_STORE)))
          : undefined;
      if (file === undefined && forget) throw new UsageError("--forget goes with a file of seeds");
      if (file !== undefined && !existsSync(file)) throw new UsageError(`there are no seeds in ${file}`);
      await withMesh(contextOf(command, env), async ({ client, output }) => {
        const wanted = publicKey ?? (await newest(client, file ?? ""));
        let resealed = 0;
        let last: RotatedKey;
        do {
          last = await client.call("secret.rotate-key", { publicKey: wanted }, ROTATE_MS);
          resealed += last.resealed;
        } while (last.left > 0);
        if (file !== undefined && forget) forgetOlderSeeds(file);
        output.result({ ...last, resealed }, () => [
          `secrets are sealed to ${wanted}; ${String(resealed)} records were sealed anew`,
        ]);
      });
    });
}

export function addNewSeed(secret: Command, _env: Environment): void {
  secret
    .command("new-seed")
    .description("put a new seed first into a file for runners, and print its public key")
    .argument("<file>", "what JM_SECRETS_SEED_FILE names; made where it is not there")
    .action((file: string, _options: unknown, command: Command) => {
      const { publicKey } = addSeed(resolve(file));
      contextOf(command, {}).output.result({ publicKey }, () => [publicKey]);
    });
}

/**
 * The key to change to: a seed that is made now; the newest where the mesh does not use it yet, or where something is still
 * sealed to an older one: then a change before this one was stopped.
 */
async function newest(client: MeshClient, file: string): Promise<string> {
  const [first] = readSealKeys(file);
  const current = await currentKey(client);
  if (first !== undefined && first.publicKey !== current) return first.publicKey;
  if (first !== undefined && (await client.call("secret.rotate-key", {}, ROTATE_MS)).resealed > 0)
    return first.publicKey;
  return addSeed(file).publicKey;
}

async function currentKey(client: MeshClient): Promise<string | undefined> {
  try {
    return (await client.call("secret.key", {})).publicKey;
  } catch (thrown) {
    if (thrown instanceof MeshError && thrown.code === "secret_unavailable") return undefined;
    throw thrown;
  }
}

function sealKey(text: string): string {
  if (isSealKey(text)) return text;
  throw new InvalidArgumentError("It must be the public key of a curve key pair: X…");
}
