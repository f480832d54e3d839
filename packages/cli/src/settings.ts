import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { connectClient, type MeshClient } from "@jetmesh/client";
import { createNames, DEFAULT_PREFIX, type Names, Reference } from "@jetmesh/protocol";
import { UnavailableError } from "@jetmesh/storage";
import { UsageError } from "./errors.ts";

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
  readonly credsFile: string | undefined;
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

export function findUser({ user }: Pick<GlobalOptions, "user">, env: Environment): string {
  const given =
    [user, env["JM_USER"], env["JM_ROOT_USER"]].find((one) => one !== undefined && one !== "") ?? "root";
  if (!Reference.safeParse(given).success) {
    throw new UsageError(`'${given}' cannot be a user: 1 to 63 of a-z 0-9 _ -, a letter or a digit first`);
  }
  return given;
}

export function readSettings(options: GlobalOptions, env: Environment): Settings {
  const creds = env["NATS_CREDS_FILE"] ?? "";
  return {
    address: findMesh(options, env),
    user: findUser(options, env),
    names: namesOf(env),
    credsFile: creds === "" ? undefined : creds,
    timeoutMs: options.timeout,
  };
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
export async function connect({ address, user, names, credsFile }: Settings): Promise<MeshClient> {
  const { url, from } = address;
  try {
    return await connectClient({ url, user, prefix: names.prefix, credsFile, name: "jetmesh cli" });
  } catch (thrown) {
    if (!(thrown instanceof UnavailableError)) throw thrown;
    const remedy = "start a mesh with `./jm up`, or say where it is with --url or NATS_URL";
    throw new UnavailableError(`${thrown.message} (${from})\n  ${remedy}`, { cause: thrown });
  }
}
