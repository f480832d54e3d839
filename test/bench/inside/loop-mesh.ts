import type { MeshClient } from "@jetmesh/client";
import { applyDocuments, loopDocuments, type TestMesh } from "@jetmesh/testkit";
import { cpuMsOf } from "../process-usage.ts";
import { quantile } from "../report/statistics.ts";
import { closedLoop } from "./closed-loop.ts";

/** A mesh with one jet for each lane of a closed loop, and a plan of one step that does nothing. */
const AT_ONCE = 64;

export async function makeLanes(client: MeshClient, lanes: number): Promise<void> {
  await applyDocuments(client, loopDocuments([{ wait: 0 }]));
  for (let at = 0; at < lanes; at += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, lanes - at) }, (_, n) => `jet${at + n}`);
    await Promise.all(
      some.map((reference) => client.request("jet.create", { template: "loop", reference, wait: true })),
    );
  }
}

/** Triggers the jet of a lane, and waits until its action has ended and that is known here. */
export async function turn(client: MeshClient, lane: number): Promise<void> {
  const request = { jet: `jet${lane}`, action: "turn", wait: true };
  const reply = await client.request<{ outcome?: string }>("jet.trigger", request);
  if (reply.outcome !== "SUCCESS") throw new Error(`an action ended ${JSON.stringify(reply)}`);
}

/** So many turns, `lanes` at a time; how long each took, in milliseconds. */
export async function runTurns(client: MeshClient, lanes: number, count: number): Promise<number[]> {
  let left = count;
  const latencies: number[] = [];
  const run = async (_: unknown, lane: number): Promise<void> => {
    while (left-- > 0) {
      const asked = performance.now();
      await turn(client, lane);
      latencies.push(performance.now() - asked);
    }
  };
  await Promise.all(Array.from({ length: lanes }, run));
  return latencies;
}

export interface LoopFigures {
  readonly rate: number;
  readonly p50: number;
  readonly p99: number;
  /** Microseconds of user and system time an action, by service; `broker` all nodes, `load` this process. */
  readonly cpuUs: Readonly<Record<string, number>>;
}

export async function measureLoop(
  mesh: TestMesh,
  client: MeshClient,
  given: { readonly inFlight: number; readonly warmUpMs: number; readonly forMs: number },
  brokers: readonly number[],
): Promise<LoopFigures> {
  const groups = new Map<string, number[]>([["broker", [...brokers]]]);
  for (const { name, pid } of mesh.services) groups.set(name, [...(groups.get(name) ?? []), pid]);
  // The services are children of this process, so it is asked for its own.
  const own = (): number => (process.cpuUsage().user + process.cpuUsage().system) / 1_000;
  const cpu = (): Map<string, number> =>
    new Map([...[...groups].map(([name, pids]): [string, number] => [name, cpuMsOf(pids)]), ["load", own()]]);
  let before = cpu();
  let after = before;
  let figures: LoopFigures | undefined;
  await closedLoop((lane) => turn(client, lane), given, {
    began: () => (before = cpu()),
    ended: ({ latencies, tookMs }) => {
      after = cpu();
      const sorted = latencies.toSorted();
      const used = [...groups.keys(), "load"].map((name): [string, number] => [
        name,
        (((after.get(name) ?? 0) - (before.get(name) ?? 0)) * 1_000) / latencies.length,
      ]);
      figures = {
        rate: (latencies.length / tookMs) * 1_000,
        p50: quantile(sorted, 0.5),
        p99: quantile(sorted, 0.99),
        cpuUs: Object.fromEntries(used),
      };
    },
  });
  if (figures === undefined) throw new Error("the loop ended before it began to count");
  return figures;
}
