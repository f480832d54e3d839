import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { ISOLATED, isolatedApiPrefix, type Names, SERVICE_NAMES, type ServiceName } from "@jetmesh/protocol";
import { createUserKey, type Keyring, type ServerConfigOptions, serverConfig } from "@jetmesh/storage";

/** Keys of everybody, in files of their own, and the configuration of a server that knows them. */
export interface TestKeys {
  readonly keyring: Keyring;
  /** The configuration's text as it is now. */
  config(): string;
  /** A line for a server's own configuration that includes it. */
  readonly include: string;
  /** The file with the seed of a service, of a user, or of the operator. */
  fileOf(who: string): string;
  /** What a service is told by its environment. */
  envOf(service: ServiceName): Readonly<Record<string, string>>;
  /** Lets a user in, by a new key; the server must read its configuration again. */
  add(user: string): void;
  /** Takes the key of a user away. */
  revoke(user: string): void;
  remove(): void;
}

export function createTestKeys(
  names: Names,
  users: readonly string[],
  more: Pick<ServerConfigOptions, "apiAnswerMs"> = {},
): TestKeys {
  const dir = mkdtempSync(join(tmpdir(), "jm-keys-"));
  const fileOf = (who: string): string => join(dir, `${who}.nk`);
  const make = (who: string): string => {
    const { publicKey, seed } = createUserKey();
    writeFileSync(fileOf(who), seed);
    chmodSync(fileOf(who), 0o600);
    return publicKey;
  };
  const services = Object.fromEntries(SERVICE_NAMES.map((name) => [name, make(`service.${name}`)])) as Record<
    ServiceName,
    string
  >;
  const operator = make("operator");
  const known = new Map<string, string>();
  const keyring = (): Keyring => ({
    services,
    operator,
    users: [...known].map(([name, publicKey]) => ({ name, publicKeys: [publicKey] })),
  });
  const config = (): string => serverConfig({ names, keyring: keyring(), ...more });
  const write = (): void => writeFileSync(join(dir, "auth.conf"), config());
  for (const user of users) known.set(user, make(`user.${user}`));
  write();
  return {
    get keyring() {
      return keyring();
    },
    config,
    // Beside the folder of the server's own, which it is relative to.
    include: `include "../${basename(dir)}/auth.conf"`,
    fileOf: (who) =>
      SERVICE_NAMES.some((name) => who === `service.${name}`) || who === "operator"
        ? fileOf(who)
        : fileOf(`user.${who}`),
    envOf: (service) => ({
      NATS_CREDS_FILE: fileOf(`service.${service}`),
      ...(ISOLATED.has(service) ? { NATS_JS_API: isolatedApiPrefix(names) } : {}),
    }),
    add(user) {
      known.set(user, make(`user.${user}`));
      write();
    },
    revoke(user) {
      known.delete(user);
      write();
    },
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}
