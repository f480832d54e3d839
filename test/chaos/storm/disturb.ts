import type { MeshClient } from "@jetmesh/client";
import { allActions, type TestServer } from "@jetmesh/testkit";
import type { Killed } from "../checker/evidence.ts";
import type { Place, Places } from "./places.ts";
import { type Disturbance, describe } from "./plan.ts";

/** Carries out what was planned, each at its moment, and says so. */
export interface DisturbOptions {
  readonly planned: readonly Disturbance[];
  readonly places: Places;
  readonly brokers: readonly TestServer[];
  readonly client: MeshClient;
  readonly seconds: number;
  readonly say: (line: string) => void;
}

export interface Disturbed {
  readonly faults: Readonly<Record<string, number>>;
  readonly killed: readonly Killed[];
}

export async function disturb({
  planned,
  places,
  brokers: nodes,
  client,
  seconds,
  say,
}: DisturbOptions): Promise<Disturbed> {
  const began = performance.now();
  const at = (ms: number): Promise<void> =>
    new Promise((resolve) => setTimeout(resolve, Math.max(0, began + ms - performance.now())));
  const faults: Record<string, number> = {};
  const killed: Killed[] = [];
  const brokers = createBrokers(nodes);
  const running: Promise<void>[] = [];

  for (const one of planned) {
    await at(one.atMs);
    say(`${((performance.now() - began) / 1_000).toFixed(1).padStart(7)} s  ${describe(one)}`);
    faults[one.kind] = (faults[one.kind] ?? 0) + 1;
    running.push(carryOut(one).catch((thrown: unknown) => say(`         ${String(thrown)}`)));
  }
  await at(seconds * 1_000);
  await Promise.all(running);
  return { faults, killed: killed.filter((one) => brokers.wereUp(one.at - JUDGE_MS, one.at + JUDGE_MS)) };

  async function carryOut(one: Disturbance): Promise<void> {
    if (one.kind === "broker-kill") return brokers.kill(one.node, one.backMs);
    if (one.kind === "broker-pause") return brokers.pause(one.node, one.forMs);
    const place = places.find(one.victim);
    if (one.kind === "kill") return kill(place, one.backMs, one.faults);
    await during(place, one);
  }

  async function kill(place: Place, backMs: number, next: string | undefined): Promise<void> {
    const { service } = place;
    const held = service === undefined ? [] : await heldBy(client, service.instance);
    const when = Date.now();
    await place.kill(backMs, next);
    if (held.length > 0) killed.push({ at: when, ids: held });
  }
}

async function during(
  place: Place,
  one: Disturbance & { readonly kind: "pause" | "cut" | "freeze" | "mute" },
): Promise<void> {
  const { proxy } = place;
  const end = performance.now() + one.forMs;
  const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  if (one.kind === "pause") {
    place.pause();
    await wait(one.forMs);
    place.resume();
    return;
  }
  if (one.kind === "freeze") proxy?.freeze();
  if (one.kind === "mute") proxy?.muteReplies();
  // Whoever connects again is cut off again.
  while (one.kind === "cut" && performance.now() < end) {
    proxy?.cut();
    await wait(50);
  }
  await wait(Math.max(0, end - performance.now()));
  proxy?.thaw();
}

/** The actions whose records name a process as their holder. */
async function heldBy(client: MeshClient, instance: string): Promise<string[]> {
  if (!instance.startsWith("flight-plan-runner")) return [];
  const runner = instance.replace("flight-plan-runner", "runner");
  const all = await allActions(client.connection, client.names).catch(() => []);
  return all.filter(({ claim }) => claim?.runner === runner).map(({ id }) => id);
}

/** So long must who takes over have been connected: a take-over is measured where the broker was there before and after. */
const JUDGE_MS = 6_000;

interface Brokers {
  kill(node: number, backMs: number): Promise<void>;
  pause(node: number, forMs: number): Promise<void>;
  /** Whether all of them were there all the time between two instants. */
  wereUp(from: number, to: number): boolean;
}

/** One at a time: two of three nodes that are gone are another fault than one. */
function createBrokers(nodes: readonly TestServer[]): Brokers {
  let busy: Promise<void> = Promise.resolve();
  const outages: { readonly from: number; readonly to: number }[] = [];
  const inTurn = (task: () => Promise<void>): Promise<void> => {
    busy = busy.then(async () => {
      const from = Date.now();
      await task().finally(() => outages.push({ from, to: Date.now() }));
    });
    return busy;
  };
  const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  return {
    wereUp: (from, to) => outages.every((outage) => outage.to < from || outage.from > to),
    kill: (node, backMs) =>
      inTurn(async () => {
        await nodes[node]?.kill();
        await wait(backMs);
        await nodes[node]?.restart();
      }),
    pause: (node, forMs) =>
      inTurn(async () => {
        nodes[node]?.signal("SIGSTOP");
        await wait(forMs);
        nodes[node]?.signal("SIGCONT");
      }),
  };
}
