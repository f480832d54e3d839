import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";

/** A TCP proxy in front of a broker, with the faults of a network: for one client, not for the others. */
export interface Proxy {
  readonly url: string;
  /** What the broker says does not reach the client any more; what the client says still reaches the broker. */
  muteReplies(): void;
  /** Nothing passes either way, and nobody is told: each end takes the connection for one that stands. */
  freeze(): void;
  /** Everything passes again; what was held back is not lost, as TCP has it. */
  thaw(): void;
  /** From now on everything takes its time, each way. */
  slow(link: Link): void;
  /** Cuts every connection; new ones are made as usual. */
  cut(): void;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export interface Link {
  readonly latencyMs: number;
  /** No limit by default. */
  readonly bytesPerSecond?: number;
}

const AT_ONCE: Link = { latencyMs: 0 };

/** One direction of one connection. */
interface Way {
  readonly kind: "replies" | "requests";
  readonly from: Socket;
  readonly to: Socket;
  readonly held: { readonly chunk: Buffer; readonly at: number }[];
  /** When the last byte that was taken has left the link. */
  free: number;
  timer: NodeJS.Timeout | undefined;
}

export async function startProxy(targetPort: number): Promise<Proxy> {
  const pairs = new Set<{ readonly replies: Way; readonly requests: Way }>();
  let passes = { replies: true, requests: true };
  let link = AT_ONCE;

  const pump = (way: Way): void => {
    clearTimeout(way.timer);
    if (!passes[way.kind]) return void way.from.pause();
    way.from.resume();
    for (let next = way.held[0]; next !== undefined; next = way.held[0]) {
      const left = next.at - performance.now();
      if (left > 0) {
        way.timer = setTimeout(() => pump(way), left);
        return;
      }
      way.held.shift();
      way.to.write(next.chunk);
    }
  };
  const take = (way: Way, chunk: Buffer): void => {
    const { latencyMs, bytesPerSecond } = link;
    const sent = bytesPerSecond === undefined ? 0 : (chunk.length / bytesPerSecond) * 1_000;
    way.free = Math.max(performance.now(), way.free) + sent;
    // In their order, also where the link has become quicker meanwhile.
    way.held.push({ chunk, at: Math.max(way.free + latencyMs, way.held.at(-1)?.at ?? 0) });
    if (way.held.length === 1) pump(way);
  };
  const createWay = (kind: Way["kind"], from: Socket, to: Socket): Way => {
    const way: Way = { kind, from, to, held: [], free: 0, timer: undefined };
    from.on("data", (chunk: Buffer) => take(way, chunk));
    return way;
  };

  const server = createServer((client) => {
    const broker = createConnection(targetPort, "127.0.0.1");
    const pair = {
      replies: createWay("replies", broker, client),
      requests: createWay("requests", client, broker),
    };
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      for (const { timer } of [pair.replies, pair.requests]) clearTimeout(timer);
      client.destroy();
      broker.destroy();
    };
    for (const socket of [client, broker]) socket.setNoDelay(true).on("error", end).on("close", end);
    pump(pair.replies);
    pump(pair.requests);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  const set = (replies: boolean, requests: boolean): void => {
    passes = { replies, requests };
    for (const pair of pairs) {
      pump(pair.replies);
      pump(pair.requests);
    }
  };
  const cut = (): void => {
    for (const { replies, requests } of [...pairs]) {
      replies.from.destroy();
      requests.from.destroy();
    }
  };
  const close = async (): Promise<void> => {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    cut();
    await closed;
  };
  return {
    url: `nats://127.0.0.1:${String(port)}`,
    muteReplies: () => set(false, true),
    freeze: () => set(false, false),
    thaw: () => set(true, true),
    slow: (to) => (link = to),
    cut,
    close,
    [Symbol.asyncDispose]: close,
  };
}
