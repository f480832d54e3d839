import { mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "./eventually.ts";
import { startOnFreePorts } from "./free-ports.ts";
import { natsProcess, type TestServer } from "./nats-process.ts";
import { jetStreamConfig, type NatsServerOptions, testServer } from "./nats-server.ts";

export interface NatsClusterOptions extends Pick<NatsServerOptions, "sync" | "maxFile"> {
  readonly nodes: number;
}

/** Several real nats-servers that keep each stream several times. */
export interface TestCluster {
  /** The addresses of all nodes, separated by commas. */
  readonly url: string;
  readonly nodes: readonly TestServer[];
  /** Which of the nodes leads a stream; undefined while none does. Paused and ended nodes are not asked. */
  leaderOf(stream: string): Promise<number | undefined>;
  /** Resolves when every node that runs says that all its streams are up to date. */
  healthy(): Promise<void>;
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

export async function startNatsCluster(options: NatsClusterOptions): Promise<TestCluster> {
  // A client's, a route's and a monitoring port for each.
  const cluster = await startOnFreePorts(3 * options.nodes, HOST, (ports) => startNodes(options, ports));
  await cluster.healthy();
  return cluster;
}

const HOST = "127.0.0.1";
const HEALTHY_MS = 45_000;
const ANSWER_MS = 1_000;

async function startNodes(options: NatsClusterOptions, ports: readonly number[]): Promise<TestCluster> {
  const numbers = Array.from({ length: options.nodes }, (_, number) => number);
  const port = (kind: 0 | 1 | 2, number: number): number => ports[kind * options.nodes + number] ?? 0;
  const routes = numbers.map((number) => `nats://${HOST}:${String(port(1, number))}`).join(", ");

  const started = numbers.map((number) => {
    const name = `node-${String(number)}`;
    const dir = mkdtempSync(join(tmpdir(), "jm-nats-"));
    const storeDir = join(dir, "store");
    mkdirSync(storeDir);
    const config = [
      `listen: ${HOST}:${String(port(0, number))}`,
      `http: ${HOST}:${String(port(2, number))}`,
      `server_name: ${name}`,
      jetStreamConfig(storeDir, options),
      `cluster { name: test, listen: ${HOST}:${String(port(1, number))}, routes: [ ${routes} ] }`,
    ];
    const server = natsProcess(join(dir, "nats.conf"), config, { isNode: true });
    return { server, node: testServer(server, { name, host: HOST, port: port(0, number), dir, storeDir }) };
  });
  const nodes = started.map(({ node }) => node);
  const stop = async (): Promise<void> => void (await Promise.all(nodes.map((node) => node.stop())));
  try {
    await Promise.all(started.map(({ server }) => server.start()));
  } catch (thrown) {
    await stop();
    throw thrown;
  }

  /** What the monitoring port of a node says; undefined where it does not answer. */
  const look = async (number: number, path: string): Promise<unknown> => {
    if (nodes[number]?.isRunning() !== true) return undefined;
    const url = `http://${HOST}:${String(port(2, number))}${path}`;
    const reply = await fetch(url, { signal: AbortSignal.timeout(ANSWER_MS) }).catch(() => undefined);
    return reply?.ok === true ? reply.json() : undefined;
  };

  return {
    url: nodes.map(({ url }) => url).join(","),
    nodes,
    async leaderOf(stream) {
      for (const number of numbers) {
        const name = streamLeader(await look(number, "/jsz?accounts=true&streams=true"), stream);
        const index = nodes.findIndex((node) => node.name === name);
        // A node that is gone may still be named by those that have not noticed.
        if (index >= 0 && nodes[index]?.isRunning() === true) return index;
      }
      return undefined;
    },
    async healthy() {
      let last: unknown;
      await eventually(
        "every node of the cluster to be up to date",
        async () => {
          const running = numbers.filter((number) => nodes[number]?.isRunning() === true);
          const states = await Promise.all(running.map((number) => look(number, "/healthz")));
          last = states;
          return states.every((state) => state !== undefined) ? true : undefined;
        },
        { withinMs: HEALTHY_MS, everyMs: 50, lastSeen: () => last },
      );
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

interface JetStreamState {
  readonly account_details?: readonly {
    readonly stream_detail?: readonly { readonly name: string; readonly cluster?: { leader?: string } }[];
  }[];
}

function streamLeader(state: unknown, stream: string): string | undefined {
  for (const account of (state as JetStreamState | undefined)?.account_details ?? []) {
    const found = account.stream_detail?.find(({ name }) => name === stream);
    if (found?.cluster?.leader !== undefined) return found.cluster.leader;
  }
  return undefined;
}
