import { type AddressInfo, createConnection, createServer, type Socket } from "node:net";

/** A TCP proxy in front of a broker, with the faults of a network: for one client, not for the others. */
export interface Proxy {
  readonly url: string;
  /** What the broker says does not reach the client any more; what the client says still reaches the broker. */
  muteReplies(): void;
  /** Nothing passes either way, and nobody is told. */
  freeze(): void;
  /** Everything passes again; what was held back is not lost, as TCP has it. */
  thaw(): void;
  /** Cuts every connection; new ones are made as usual. */
  cut(): void;
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startProxy(targetPort: number): Promise<Proxy> {
  const pairs = new Set<{ client: Socket; broker: Socket }>();
  let repliesPass = true;
  let requestsPass = true;

  const apply = ({ client, broker }: { client: Socket; broker: Socket }): void => {
    if (repliesPass) broker.resume();
    else broker.pause();
    if (requestsPass) client.resume();
    else client.pause();
  };
  const server = createServer((client) => {
    const broker = createConnection(targetPort, "127.0.0.1");
    const pair = { client, broker };
    pairs.add(pair);
    const end = (): void => {
      pairs.delete(pair);
      client.destroy();
      broker.destroy();
    };
    client.on("data", (chunk: Buffer) => broker.write(chunk));
    broker.on("data", (chunk: Buffer) => client.write(chunk));
    for (const socket of [client, broker]) socket.on("error", end).on("close", end);
    apply(pair);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;

  const set = (replies: boolean, requests: boolean): void => {
    repliesPass = replies;
    requestsPass = requests;
    for (const pair of pairs) apply(pair);
  };
  const cut = (): void => {
    for (const { client, broker } of [...pairs]) {
      client.destroy();
      broker.destroy();
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
    cut,
    close,
    [Symbol.asyncDispose]: close,
  };
}
