import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { connectClient, type MeshClient } from "@jetmesh/client";
import { createNames, DEFAULT_PREFIX, type Names, Reference } from "@jetmesh/protocol";
import { UnavailableError } from "@jetmesh/storage";
import { hasKeys, keyFolderOf, openKeyFolder } from "./auth/key-folder.ts";
import { FailedError, UsageError } from "./errors.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

/** The root of the checkout that this command is part of. */
export const ROOT = resolve(import.meta.dirname, "../../..");
export const DEFAULT_STORE = join(ROOT, ".cache/run");
const DEFAULT_URL = "nats://127.0.0.1:4222";

/** The global options, as commander gives them. */
export interface GlobalOptions {
  readonly url?: string;
  readonly user?: string;
  readonly json?: boolean;
  /** Milliseconds. */
  readonly timeout?: number;
}

/** Where the mesh is, and how that is known. */
export interface MeshAddress {
  readonly url: string;
  readonly from: string;
}

export interface Settings {
  readonly address: MeshAddress;
  readonly user: string;
  readonly names: Names;
  /** What the user connects with; undefined where the mesh asks nobody who they are. */
  readonly credsFile: string | undefined;
  /** What whoever looks after the broker connects with: for what is no user's business. */
  readonly operatorFile: string | undefined;
  /** Faults at named points, for tests. */
  readonly faults: string | undefined;
  /** Undefined where none was given: each command has its own. */
  readonly timeoutMs: number | undefined;
}

/** `--url`, NATS_URL, the file that `up` writes, the usual port: the first that there is. */
export function findMesh(
  options: Pick<GlobalOptions, "url">,
  env: Environment,
  readUrl: () => string | undefined = () => readUrlFile(DEFAULT_STORE),
): MeshAddress {
  if (options.url !== undefined) return { url: options.url, from: "--url" };
  const fromEnv = env["NATS_URL"] ?? "";
  if (fromEnv !== "") return { url: fromEnv, from: "NATS_URL" };
  const fromFile = readUrl();
  if (fromFile !== undefined) return { url: fromFile, from: "the last `up`" };
  return { url: DEFAULT_URL, from: "the usual port" };
}

export function readUrlFile(store: string): string | undefined {
  try {
    const text = readFileSync(join(store, "url"), "utf8").trim();
    return text === "" ? undefined : text;
  } catch {
    return undefined;
  }
}

/** Who is root of the mesh, in no bucket. */
export const rootUser = (env: Environment): string => {
  const given = env["JM_ROOT_USER"] ?? "";
  return given === "" ? "root" : given;
};

export function findUser({ user }: Pick<GlobalOptions, "user">, env: Environment): string {
  const given =
    [user, env["JM_USER"], env["JM_ROOT_USER"]].find((one) => one !== undefined && one !== "") ?? "root";
  if (!Reference.safeParse(given).success) {
    throw new UsageError(`'${given}' cannot be a user: 1 to 63 of a-z 0-9 _ -, a letter or a digit first`);
  }
  return given;
}

export function readSettings(options: GlobalOptions, env: Environment): Settings {
  const faults = env["JM_FAULTS"] ?? "";
  const address = findMesh(options, env);
  const user = findUser(options, env);
  return {
    address,
    user,
    names: namesOf(env),
    ...findCredentials(address, user, env),
    faults: faults === "" ? undefined : faults,
    timeoutMs: options.timeout,
  };
}

/** NATS_CREDS_FILE for whoever it is; else, for the mesh of the last `up`, what its folder of keys has. */
export function findCredentials(
  { url }: MeshAddress,
  user: string,
  env: Environment,
  store = DEFAULT_STORE,
): Pick<Settings, "credsFile" | "operatorFile"> {
  const given = env["NATS_CREDS_FILE"] ?? "";
  if (given !== "") return { credsFile: given, operatorFile: given };
  const path = keyFolderOf(store);
  if (readUrlFile(store) !== url || !hasKeys(path)) return { credsFile: undefined, operatorFile: undefined };
  const folder = openKeyFolder(path);
  return { credsFile: folder.userFile(user), operatorFile: folder.operatorFile };
}

function namesOf(env: Environment): Names {
  const prefix = env["JM_PREFIX"] ?? "";
  try {
    return createNames(prefix === "" ? DEFAULT_PREFIX : prefix);
  } catch (thrown) {
    throw new UsageError(`JM_PREFIX: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}

/** Connects, or says where it looked and what would help. */
export async function connect({ address, user, names, credsFile, faults }: Settings): Promise<MeshClient> {
  const { url, from } = address;
  if (credsFile !== undefined && !existsSync(credsFile)) {
    throw new UsageError(
      `there are no credentials of '${user}' in ${credsFile}\n  \`jm auth key ${user}\` makes some; or name a file of theirs by NATS_CREDS_FILE`,
    );
  }
  try {
    return await connectClient({ url, user, prefix: names.prefix, credsFile, faults, name: "jetmesh cli" });
  } catch (thrown) {
    if (!(thrown instanceof UnavailableError)) throw thrown;
    if (/authorization violation/i.test(thrown.message)) throw refused(thrown, credsFile);
    const remedy = "start a mesh with `./jm up`, or say where it is with --url or NATS_URL";
    throw new UnavailableError(`${thrown.message} (${from})\n  ${remedy}`, { cause: thrown });
  }
}

function refused(thrown: Error, credsFile: string | undefined): FailedError {
  const remedy =
    credsFile === undefined
      ? "it asks who connects: name a file with your key by NATS_CREDS_FILE"
      : `it does not know the key in ${credsFile}: it was revoked or replaced, or the server has not read it yet`;
  return new FailedError(
    `the server lets nobody in without a key that it knows: ${thrown.message}\n  ${remedy}`,
    {
      code: "forbidden",
    },
  );
}
