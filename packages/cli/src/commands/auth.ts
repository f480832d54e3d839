import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connectClient, type MeshClient, MeshError } from "@jetmesh/client";
import type { UserDefinition } from "@jetmesh/protocol";
import { createUserKey, ensureError, isUserKey } from "@jetmesh/storage";
import { type Command, InvalidArgumentError, Option } from "commander";
import { reference } from "../arguments.ts";
import { hasKeys, type KeyFolder, keyFolderOf, openKeyFolder } from "../auth/key-folder.ts";
import { type CommandContext, contextOf, withMesh } from "../command-context.ts";
import { FailedError, UsageError } from "../errors.ts";
import { DEFAULT_STORE, type Environment, findCredentials, readUrlFile, rootUser } from "../settings.ts";
import { addAuthConfig } from "./auth-config.ts";

export function addAuth(program: Command, env: Environment): void {
  const auth = program.command("auth").description("keys of users, where the broker asks who connects");
  addKey(auth, env);
  addRevoke(auth, env);
  addAuthConfig(auth, env);
}

const STORE = "the store of the `up` that keeps the keys (default: .cache/run of this checkout)";

interface KeyOptions {
  readonly store?: string;
  readonly publicKey?: string;
  readonly level?: string;
  readonly rotate: boolean;
}

function addKey(auth: Command, env: Environment): void {
  auth
    .command("key")
    .description("give a user a key, and make the user where there is none")
    .argument("<user>", "the user's reference", reference)
    .option("--public-key <key>", "one that the user has made, in place of one made here", userKey)
    .option("--rotate", "in place of the key that the user has, which counts no more", false)
    .addOption(
      new Option("--level <level>", "of a user who is new (default: user)").choices([
        "user",
        "manager",
        "root",
      ]),
    )
    .option("--store <dir>", STORE)
    .action((user: string, options: KeyOptions, command: Command) =>
      giveKey(contextAt(command, env, options.store), folderOf(options.store), user, options),
    );
}

function addRevoke(auth: Command, env: Environment): void {
  auth
    .command("revoke")
    .description("take a user's key away: whoever is connected by it is cut off")
    .argument("<user>", "the user's reference", reference)
    .option("--store <dir>", STORE)
    .action(async (user: string, { store }: { store?: string }, command: Command) => {
      const context = contextAt(command, env, store);
      const folder = folderOf(store);
      await withMesh(context, async ({ client }) => {
        const { publicKey, ...definition } = await getUser(client, user);
        if (publicKey === undefined) throw new FailedError(`user '${user}' has no key`);
        await client.request("user.apply", definition);
      });
      const { address, names } = context.settings;
      const key = { url: address.url, prefix: names.prefix, user, credsFile: folder.userFile(user) };
      const isGone = folder.publicKeyOf(user) === undefined || (await isRefused(key));
      folder.removeSeed(user);
      if (!isGone) throw notRead(user);
      context.output.result({ user, revoked: true }, () => [`the key of ${user} counts no more`]);
    });
}

async function giveKey(
  context: CommandContext,
  folder: KeyFolder,
  user: string,
  { publicKey: given, level, rotate }: KeyOptions,
): Promise<void> {
  const { settings, output, env } = context;
  if (user === rootUser(env))
    throw new UsageError(
      `the key of ${user} is made by \`up\`: stop it, remove ${folder.userFile(user)}, start it`,
    );
  const made = given === undefined ? createUserKey() : undefined;
  const publicKey = given ?? made?.publicKey;
  await withMesh(context, async ({ client }) => {
    const there = await findUser(client, user);
    if (there?.publicKey !== undefined && !rotate)
      throw new FailedError(
        `user '${user}' has a key\n  \`jm auth key ${user} --rotate\` puts another in its place`,
      );
    const fresh = { reference: user, name: user, ...(level === undefined ? {} : { level }) };
    await client.request("user.apply", { ...(there ?? fresh), publicKey });
  });
  if (made === undefined) folder.removeSeed(user);
  else folder.writeSeed(user, made.seed);
  const file = folder.userFile(user);
  const { url } = settings.address;
  const key = { url, prefix: settings.names.prefix, user, credsFile: file };
  if (made !== undefined && !(await isServed(key))) throw notRead(user);
  output.result({ user, publicKey, ...(made === undefined ? {} : { file }) }, () => [
    `${user} connects with ${made === undefined ? `the key of ${publicKey ?? ""}` : file}`,
    ...(made === undefined
      ? []
      : [
          `  ./jm --user ${user} jet list`,
          `  nats --server ${url} --nkey ${file} req ${settings.names.api.of(user, "jet.list")} ''`,
        ]),
  ]);
}

const notRead = (user: string): FailedError =>
  new FailedError(
    `the definition of ${user} is written, and the server does not act on it\n  under \`up --auth\` it does at once; for another server: \`jm auth config\`, and have it read that`,
    { code: "unavailable" },
  );

const LOOK_MS = 10_000;
const LOOK_EVERY_MS = 50;

/** Whether a key is let in and what it asks is answered, within the time that the server takes to read what is new. */
async function isServed(key: Key): Promise<boolean> {
  for (const until = performance.now() + LOOK_MS; performance.now() < until; ) {
    const served = await withKey(key, (client) => client.request("jet.list", { limit: 1 }, 1_000)).then(
      () => true,
      (thrown: unknown) => thrown instanceof MeshError,
    );
    if (served) return true;
    await sleep(LOOK_EVERY_MS);
  }
  return false;
}

async function isRefused(key: Key): Promise<boolean> {
  for (const until = performance.now() + LOOK_MS; performance.now() < until; ) {
    const refused = await withKey(key, () => Promise.resolve(false)).catch(
      // Anything else, as no answer from a server that is just reading its configuration, says nothing.
      (thrown: unknown) => /authorization violation/i.test(ensureError(thrown).message),
    );
    if (refused) return true;
    await sleep(LOOK_EVERY_MS);
  }
  return false;
}

interface Key {
  readonly url: string;
  readonly prefix: string;
  readonly user: string;
  readonly credsFile: string;
}

async function withKey<T>(key: Key, use: (client: MeshClient) => Promise<T>): Promise<T> {
  const client = await connectClient({ ...key, name: "jetmesh auth" });
  try {
    return await use(client);
  } finally {
    await client.close();
  }
}

/** A store that is named says where its mesh is, and has the key of whoever asks. */
function contextAt(command: Command, env: Environment, store: string | undefined): CommandContext {
  const context = contextOf(command, env);
  if (store === undefined) return context;
  const path = resolve(store);
  const url = readUrlFile(path);
  if (url === undefined) throw new UsageError(`no \`up\` runs on ${path}`);
  const { settings } = context;
  const address = { url, from: "--store" };
  return {
    ...context,
    settings: { ...settings, address, ...findCredentials(address, settings.user, env, path) },
  };
}

function folderOf(store: string | undefined): KeyFolder {
  const path = keyFolderOf(resolve(store ?? DEFAULT_STORE));
  if (hasKeys(path)) return openKeyFolder(path);
  throw new UsageError(
    `there are no keys in ${path}\n  \`jm up --auth\` makes them; --store names another place`,
  );
}

const getUser = (client: MeshClient, user: string): Promise<UserDefinition> =>
  client.request<UserDefinition>("user.get", { reference: user });

async function findUser(client: MeshClient, user: string): Promise<UserDefinition | undefined> {
  try {
    return await getUser(client, user);
  } catch (thrown) {
    if (thrown instanceof MeshError && thrown.code === "unknown_user") return undefined;
    throw thrown;
  }
}

/** A public key, or a file that has one in it. */
function userKey(text: string): string {
  const key = isUserKey(text) ? text : readKey(text);
  if (!isUserKey(key)) throw new InvalidArgumentError("it must be the public key of a user's nkey: U…");
  return key;
}

function readKey(file: string): string {
  try {
    return readFileSync(file, "utf8").trim();
  } catch {
    return "";
  }
}
