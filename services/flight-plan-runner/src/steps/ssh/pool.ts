import type { ClientChannel } from "ssh2";
import { connect, type SshConnection, SshError, type SshTarget } from "./connection.ts";

/**
 * Connections of this process, used by all of its steps: to log in costs more than most commands do. The module holds them,
 * because they belong to the process and to nothing smaller.
 */
const IDLE_MS = 60_000;
/** Below what sshd allows unless told otherwise (MaxSessions 10). */
const MOST_CHANNELS = 8;
const MOST_CONNECTIONS = 64;

interface Pooled {
  readonly target: string;
  readonly made: Promise<SshConnection>;
  used: number;
  /** Lower where the server has refused more. */
  most: number;
  isNew: boolean;
  idle?: NodeJS.Timeout | undefined;
}
const pool = new Set<Pooled>();

/** How a command ended; lost with its channel or its connection, it did not say. */
export type Exit = { readonly code: number | null; readonly signal?: string } | "lost";

export interface OpenedChannel {
  readonly channel: ClientChannel;
  readonly exit: Promise<Exit>;
  readonly connection: SshConnection;
  readonly release: () => void;
}

/** A channel in which the command runs, in a connection that is there or a new one; rejects with an SshError. */
export async function openChannel(target: SshTarget, command: string): Promise<OpenedChannel> {
  for (;;) {
    const pooled = take(target);
    const wasNew = pooled.isNew;
    const release = (): void => giveBack(pooled);
    try {
      const connection = await pooled.made;
      pooled.isNew = false;
      return { ...(await exec(connection, command)), connection, release };
    } catch (thrown) {
      release();
      if (thrown instanceof SshError) throw thrown;
      const { reason, message } = thrown as Error & { reason?: number };
      if (reason !== undefined && pooled.used > 0) pooled.most = pooled.used;
      else {
        drop(pooled);
        // One that was there had died before anything was sent: that is no failure of the step.
        if (wasNew) throw new SshError("ssh_unreachable", `${target.host}: ${message}`);
      }
    }
  }
}

/** Runs nothing any more: their commands end with them. */
export function closeConnections(): void {
  for (const one of pool) drop(one);
}

function take(target: SshTarget): Pooled {
  const key = JSON.stringify(target);
  for (const one of pool) {
    if (one.target !== key || one.used >= one.most) continue;
    clearTimeout(one.idle);
    one.used += 1;
    return one;
  }
  if (pool.size >= MOST_CONNECTIONS) {
    const idle = [...pool].find(({ used }) => used === 0);
    if (idle === undefined)
      throw new SshError(
        "ssh_unreachable",
        `${String(MOST_CONNECTIONS)} connections of the runner are in use`,
      );
    drop(idle);
  }
  const pooled: Pooled = { target: key, made: connect(target), used: 1, most: MOST_CHANNELS, isNew: true };
  pool.add(pooled);
  pooled.made.then(
    ({ client }) => client.once("close", () => drop(pooled)),
    () => drop(pooled),
  );
  return pooled;
}

function giveBack(pooled: Pooled): void {
  pooled.used -= 1;
  if (pooled.used > 0 || !pool.has(pooled)) return;
  pooled.idle = setTimeout(() => drop(pooled), IDLE_MS).unref();
}

function drop(pooled: Pooled): void {
  clearTimeout(pooled.idle);
  if (!pool.delete(pooled)) return;
  pooled.made.then(
    ({ client, socket }) => {
      client.destroy();
      socket.destroy();
    },
    () => undefined,
  );
}

/**
 * What has ended by the time that its channel is known says so in the same packet: it is listened to before anything is waited
 * for.
 */
function exec({ client }: SshConnection, command: string): Promise<Pick<OpenedChannel, "channel" | "exit">> {
  return new Promise((resolve, reject) => {
    const lost = (): void => reject(new Error("the connection was lost"));
    client.once("close", lost);
    client.exec(command, (error, channel) => {
      client.off("close", lost);
      if (error === undefined) resolve({ channel, exit: exitOf(client, channel) });
      else reject(error);
    });
  });
}

function exitOf(client: SshConnection["client"], channel: ClientChannel): Promise<Exit> {
  return new Promise((resolve) => {
    const end = (exit: Exit): void => {
      client.off("close", onLost);
      resolve(exit);
    };
    const onLost = (): void => end("lost");
    channel.once("exit", (code: number | null, name?: string) =>
      end({ code, ...(name === undefined ? {} : { signal: name }) }),
    );
    channel.once("close", onLost);
    client.once("close", onLost);
  });
}
