import { chmodSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ISOLATED, isolatedApiPrefix, type Names, SERVICE_NAMES, type ServiceName } from "@jetmesh/protocol";
import { createUserKey, publicKeyOf } from "@jetmesh/storage";

/**
 * The keys of a mesh in one folder: of the operator, of each service, and of users whose keys were made here. Each is a
 * file with a seed that its owner alone may read. A mesh has authentication where it has such a folder.
 */
export interface KeyFolder {
  readonly path: string;
  readonly operatorFile: string;
  userFile(user: string): string;
  /** Public keys of the operator and the services; those that are missing are made. */
  ensureKeys(): { readonly operator: string; readonly services: Readonly<Record<ServiceName, string>> };
  /** Undefined where no key of the user was made here. */
  publicKeyOf(user: string): string | undefined;
  /** Keeps the seed of a user. */
  writeSeed(user: string, seed: string): void;
  removeSeed(user: string): void;
  /** What a service is told by its environment. */
  envOf(service: ServiceName, names: Names): Readonly<Record<string, string>>;
  /** What was known of the mesh when its server was last told: enough to start it again. */
  readKnown(): Known;
  writeKnown(known: Known): void;
}

export interface Known {
  readonly shards: number | undefined;
  /** Public keys of users, as their definitions had them. */
  readonly users: Readonly<Record<string, string>>;
}

/** Of a store of `up`. */
export const keyFolderOf = (store: string): string => join(store, "auth");

export const hasKeys = (path: string): boolean => existsSync(join(path, "operator.nk"));

export function openKeyFolder(path: string): KeyFolder {
  const operatorFile = join(path, "operator.nk");
  const serviceFile = (name: ServiceName): string => join(path, "services", `${name}.nk`);
  const userFile = (user: string): string => join(path, "users", `${user}.nk`);
  const knownFile = join(path, "known.json");
  const ensure = (file: string): string => {
    if (!existsSync(file)) writeSecret(file, `${createUserKey().seed}\n`);
    return publicKeyOf(readFileSync(file, "utf8"));
  };
  return {
    path,
    operatorFile,
    userFile,
    ensureKeys: () => ({
      operator: ensure(operatorFile),
      services: Object.fromEntries(SERVICE_NAMES.map((name) => [name, ensure(serviceFile(name))])) as Record<
        ServiceName,
        string
      >,
    }),
    publicKeyOf: (user) =>
      existsSync(userFile(user)) ? publicKeyOf(readFileSync(userFile(user), "utf8")) : undefined,
    writeSeed: (user, seed) => writeSecret(userFile(user), `${seed}\n`),
    removeSeed: (user) => rmSync(userFile(user), { force: true }),
    envOf: (service, names) => ({
      NATS_CREDS_FILE: serviceFile(service),
      ...(ISOLATED.has(service) ? { NATS_JS_API: isolatedApiPrefix(names) } : {}),
    }),
    readKnown: () =>
      existsSync(knownFile)
        ? (JSON.parse(readFileSync(knownFile, "utf8")) as Known)
        : { shards: undefined, users: {} },
    writeKnown: (known) => writeSecret(knownFile, `${JSON.stringify(known, null, 2)}\n`),
  };
}

/** Beside, then renamed, and never readable by others meanwhile. */
export function writeSecret(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const part = `${file}.part`;
  writeFileSync(part, text, { mode: 0o600 });
  // One that was left lying keeps the mode that it had.
  chmodSync(part, 0o600);
  renameSync(part, file);
}
