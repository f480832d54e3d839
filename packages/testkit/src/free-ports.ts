import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:net";

/**
 * Ports that nobody listens on now, below the range from which the system takes the ports of outgoing connections:
 * a server that is down for a while must not find its port taken, and a client that knocks at a closed port of that
 * range again and again ends up connected to itself. Another process may still be quicker; who uses them tries again
 * with others (`startOnFreePorts`).
 */
export async function freePorts(count: number, host = "127.0.0.1"): Promise<number[]> {
  const held: Server[] = [];
  const ports: number[] = [];
  try {
    while (ports.length < count) {
      const port = LOWEST + Math.floor(Math.random() * (lowestOutgoing() - LOWEST));
      const server = await listen(port, host);
      if (server === undefined) continue;
      held.push(server);
      ports.push(port);
    }
    return ports;
  } finally {
    await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  }
}

/** Starts something on free ports, and again on others where one of them was taken meanwhile. */
export async function startOnFreePorts<T>(
  count: number,
  host: string,
  start: (ports: readonly number[]) => Promise<T>,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await start(await freePorts(count, host));
    } catch (thrown) {
      if (tries >= MOST_TRIES || !/address already in use/i.test(String(thrown))) throw thrown;
    }
  }
}

const LOWEST = 10_240;
const MOST_TRIES = 5;

function lowestOutgoing(): number {
  try {
    const lowest = Number(readFileSync("/proc/sys/net/ipv4/ip_local_port_range", "utf8").split(/\s+/)[0]);
    return lowest > LOWEST + 1_000 ? lowest : 32_768;
  } catch {
    return 32_768;
  }
}

/** Undefined where somebody listens there already. */
function listen(port: number, host: string): Promise<Server | undefined> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(undefined));
    server.listen(port, host, () => resolve(server));
  });
}
