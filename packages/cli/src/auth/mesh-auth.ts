import { existsSync, renameSync } from "node:fs";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import { createNames, DEFINITION_KEYS, type Names, type ServiceName } from "@jetmesh/protocol";
import {
  createMeshStore,
  createUserKey,
  type Follower,
  follow,
  readMesh,
  serverConfig,
} from "@jetmesh/storage";
import { FailedError } from "../errors.ts";
import { type Environment, rootUser } from "../settings.ts";
import type { NatsServer } from "../up/nats-server.ts";
import { hasKeys, type KeyFolder, keyFolderOf, openKeyFolder, writeSecret } from "./key-folder.ts";
import { usersByKey } from "./user-keys.ts";

/** The file beside the server's configuration that says who may connect. */
export const AUTH_CONFIG = "auth.conf";

/** Who may connect to the server of an `up`, kept as the definitions of users have it. */
export interface MeshAuth {
  readonly folder: KeyFolder;
  envOf(service: ServiceName): Readonly<Record<string, string>>;
  /** Before the server starts: as it was known last. */
  prepare(): void;
  /** Once the server runs, before the services do: the mesh may have another number of shards. */
  adoptShards(operator: MeshClient): Promise<void>;
  /** Once the services run: follows the users' definitions, and has the server read what changed. */
  follow(operator: MeshClient): Promise<void>;
  stop(): Promise<void>;
}

/** Changes gather for so long: whoever applies many users has the server read its configuration once. */
const GATHER_MS = 100;

/** Undefined where the mesh on that store has no authentication; one that has it keeps it. */
export function openAuth(given: {
  readonly store: string;
  readonly wanted: boolean;
  readonly env: Environment;
  readonly names: Names;
  readonly reload: NatsServer["reload"];
  readonly note: (line: string) => void;
}): MeshAuth | undefined {
  const { store, wanted, env, names, reload, note } = given;
  const path = keyFolderOf(store);
  if (!wanted && !hasKeys(path)) return undefined;
  const folder = openKeyFolder(path);
  const root = rootUser(env);
  const told =
    env["JM_SHARDS"] === undefined || env["JM_SHARDS"] === "" ? undefined : Number(env["JM_SHARDS"]);
  let { shards = told ?? 1, users } = folder.readKnown();
  let written = "";
  let letIn: ReadonlySet<string> = new Set();
  let follower: Follower | undefined;
  let timer: NodeJS.Timeout | undefined;

  /** How the server is to read what changed, if anything did. */
  const write = (): Parameters<NatsServer["reload"]>[0] | undefined => {
    const { operator, services } = folder.ensureKeys();
    const rootKey = folder.publicKeyOf(root) ?? makeRootKey();
    const own = new Map([
      [root, rootKey],
      ["the operator", operator],
      ...Object.entries(services).map(([name, key]) => [`the ${name}`, key] as const),
    ]);
    const found = usersByKey(new Map(Object.entries(users)), own, root);
    for (const problem of found.problems) note(`not let in: ${problem}`);
    const text = serverConfig({
      names: createNames(names.prefix, shards),
      keyring: { operator, services, users: found.users },
    });
    if (text === written) return undefined;
    writeSecret(join(store, AUTH_CONFIG), text);
    folder.writeKnown({ shards, users });
    written = text;
    const again = found.users.some(({ name }) => !letIn.has(name));
    letIn = new Set(found.users.map(({ name }) => name));
    return { again };
  };
  const makeRootKey = (): string => {
    const { publicKey, seed } = createUserKey();
    folder.writeSeed(root, seed);
    return publicKey;
  };
  const writeSoon = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      const how = write();
      if (how !== undefined) reload(how);
    }, GATHER_MS);
  };

  return {
    folder,
    envOf: (service) => folder.envOf(service, names),
    prepare() {
      adoptStore(store, names, note);
      write();
    },
    async adoptShards({ connection }) {
      const there = (await readMesh(connection, createNames(names.prefix)))?.record.shards;
      shards = there ?? told ?? 1;
      // Another number of shards changes what the accounts import.
      if (write() !== undefined) reload({ again: true });
    },
    async follow({ connection }) {
      const plain = createNames(names.prefix);
      const definitions = createMeshStore(connection, plain).definitions;
      const found = new Map<string, string>();
      follower = follow(connection, plain, {
        bucket: plain.buckets.definitions,
        keys: `${DEFINITION_KEYS.User}.*`,
        onChange: ({ key, exists, data }) => {
          const user = key.slice(DEFINITION_KEYS.User.length + 1);
          const stored = exists ? definitions.parse(data) : undefined;
          const definition = stored?.kind === "record" ? stored.value.definition : undefined;
          const publicKey = definition?.kind === "User" ? definition.publicKey : undefined;
          if (publicKey === undefined) found.delete(user);
          else found.set(user, publicKey);
          if (follower?.isReady !== true) return;
          users = Object.fromEntries(found);
          writeSoon();
        },
        onProblem: (problem) => note(`users: ${problem}`),
      });
      await follower.ready;
      users = Object.fromEntries(found);
      writeSoon();
    },
    async stop() {
      clearTimeout(timer);
      await follower?.stop();
    },
  };
}

/** What a mesh without accounts left is in the broker's account for everybody; a mesh with them has its own. */
function adoptStore(store: string, names: Names, note: (line: string) => void): void {
  const folder = join(store, "nats", "jetstream");
  const [everybody, own] = [join(folder, "$G"), join(folder, `${names.prefix.toUpperCase()}_MESH`)];
  if (!existsSync(everybody)) return;
  if (existsSync(own))
    throw new FailedError(
      `the store has a mesh with authentication and one without: move ${everybody} away, or ${own}`,
    );
  renameSync(everybody, own);
  note("the mesh that was there without authentication is the one that has it now");
}
