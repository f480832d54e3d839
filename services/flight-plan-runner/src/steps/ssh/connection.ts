import { readFile } from "node:fs/promises";
import { connect as connectSocket, type Socket } from "node:net";
import { homedir } from "node:os";
import { join } from "node:path";
import type { ActionErrorCode } from "@jetmesh/protocol";
import { Client, type ConnectConfig, type ServerHostKeyAlgorithm } from "ssh2";
import { faultOfKey, firstKinds, givenKey, type HostKeys, knownKeys } from "./host-key.ts";

/** Where a command runs, and as whom. */
export interface SshTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly key?: string | undefined;
  readonly hostKey?: string | undefined;
  readonly knownHosts?: string | undefined;
}

export interface SshConnection {
  readonly client: Client;
  readonly socket: Socket;
}

export class SshError extends Error {
  override readonly name = "SshError";
  readonly code: ActionErrorCode;
  constructor(code: ActionErrorCode, message: string) {
    super(message);
    this.code = code;
  }
}

const CONNECT_MS = 10_000;
/** A network that is dead is seen within 15 s. */
const KEEPALIVE_MS = 5_000;
const MOST_UNANSWERED = 2;
/** In the order in which a machine that has several is asked for them. */
const KINDS: readonly ServerHostKeyAlgorithm[] = [
  "ssh-ed25519",
  "ecdsa-sha2-nistp256",
  "ecdsa-sha2-nistp384",
  "ecdsa-sha2-nistp521",
  "rsa-sha2-512",
  "rsa-sha2-256",
];

/** Connects and logs in; rejects with an SshError. Nothing but the user's name is sent to a machine that is not the one meant. */
export async function connect(target: SshTarget): Promise<SshConnection> {
  const { host, port, user } = target;
  const [expected, auth] = await Promise.all([hostKeysOf(target), authOf(target)]);
  const first = firstKinds(expected);
  const kinds = [
    ...KINDS.filter((kind) => first.includes(kind)),
    ...KINDS.filter((kind) => !first.includes(kind)),
  ];
  const where = `${host}:${String(port)}`;
  const socket = connectSocket({ host, port });
  socket.setNoDelay(true);
  const client = new Client();
  // One for each channel, beside our own.
  client.setMaxListeners(20);
  let keyFault: string | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      client.once("ready", () => resolve());
      client.on("error", reject);
      client.once("close", () => reject(new Error("the connection was closed")));
      client.connect({
        sock: socket,
        username: user,
        ...auth,
        readyTimeout: CONNECT_MS,
        keepaliveInterval: KEEPALIVE_MS,
        keepaliveCountMax: MOST_UNANSWERED,
        algorithms: { serverHostKey: kinds },
        hostVerifier: (key: Buffer) => {
          keyFault = faultOfKey(expected, key);
          return keyFault === undefined;
        },
      });
    });
    return { client, socket };
  } catch (thrown) {
    client.destroy();
    socket.destroy();
    if (keyFault !== undefined) throw new SshError("ssh_host_key", `${where} ${keyFault}`);
    const { message, level } = thrown as Error & { level?: string };
    if (level === "client-authentication")
      throw new SshError("ssh_auth", `${where} did not let '${user}' in: ${message}`);
    throw new SshError("ssh_unreachable", `${where}: ${message}`);
  }
}

async function hostKeysOf({ host, port, hostKey, knownHosts }: SshTarget): Promise<HostKeys> {
  if (hostKey !== undefined) {
    const given = givenKey(hostKey);
    if (given !== undefined) return given;
    throw new SshError(
      "ssh_host_key",
      "hostKey is neither a SHA256 fingerprint nor the line of a public key",
    );
  }
  const file = knownHosts ?? join(homedir(), ".ssh/known_hosts");
  try {
    return { keys: knownKeys(await readFile(file, "utf8"), host, port) };
  } catch (thrown) {
    // The default file need not be there: then nobody is known.
    const { code } = thrown as NodeJS.ErrnoException;
    if (knownHosts === undefined && code === "ENOENT") return { keys: [] };
    throw new SshError("ssh_host_key", `known hosts '${file}' cannot be read: ${code ?? "failed"}`);
  }
}

async function authOf({ key }: SshTarget): Promise<Pick<ConnectConfig, "agent" | "privateKey">> {
  if (key === undefined) {
    const agent = process.env["SSH_AUTH_SOCK"];
    if (agent === undefined) throw new SshError("ssh_auth", "the runner has no SSH_AUTH_SOCK");
    return { agent };
  }
  try {
    return { privateKey: await readFile(key) };
  } catch (thrown) {
    const { code } = thrown as NodeJS.ErrnoException;
    throw new SshError("ssh_auth", `key '${key}' cannot be read: ${code ?? "failed"}`);
  }
}
