import { type MeshClient, MeshError } from "@jetmesh/client";
import { rackOf } from "./definitions.ts";
import { createRandom, type Random } from "./random.ts";

/** What was asked for, under a key of its own, and what was answered; what the checker goes by. */
export interface Asked {
  readonly key: string;
  readonly via: "stream" | "api";
  readonly jet: string;
  readonly action: string;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** The broker has it, or the mesh has answered. */
  taken: boolean;
  /** By the API: the action's id. */
  actionId?: string;
  /** By the API: why not. */
  refusal?: string;
}

export interface Load {
  readonly asked: readonly Asked[];
  stop(): Promise<void>;
}

export interface LoadOptions {
  readonly client: MeshClient;
  readonly seed: number;
  readonly jets: readonly string[];
  /** Triggers a second. */
  readonly rate: number;
}

/** More than this are never under way at once: a mesh that stands still is not buried. */
const MOST_UNDER_WAY = 150;
/** A request without an answer is made again with the same key for so long. */
const INSIST_MS = 60_000;
const ANSWER_MS = 4_000;

/**
 * Triggers by stream and by API, queueing and refusing, some of them twice, on jets that are also destroyed and made
 * again under the same name. Which, is up to the seed.
 */
export function startLoad({ client, seed, jets, rate }: LoadOptions): Load {
  const random = createRandom(seed ^ 0x5bd1e995);
  const others = createRandom(seed ^ 0x2545f491);
  const asked: Asked[] = [];
  const underWay = new Set<Promise<void>>();
  let stopped = false;
  let count = 0;

  const begin = (): void => {
    if (stopped || underWay.size >= MOST_UNDER_WAY) return;
    const given = next(random, others, jets, count);
    count += 1;
    asked.push(given.asked);
    const task = ask(client, given).finally(() => underWay.delete(task));
    underWay.add(task);
  };
  const timer = setInterval(begin, 1_000 / rate);

  return {
    asked,
    async stop() {
      stopped = true;
      clearInterval(timer);
      await Promise.all(underWay);
    },
  };
}

interface Given {
  readonly asked: Asked;
  readonly onBusy: "queue" | "refuse";
  readonly isTwice: boolean;
}

/** What is done with limits, labels and secrets is drawn on its own: all else is what a seed drew before they were there. */
function next(random: Random, others: Random, jets: readonly string[], count: number): Given {
  const jet = random.pick(jets);
  const lot = random.next();
  // The first jets are destroyed now and then, and made again under their names.
  const isMortal = jets.indexOf(jet) < jets.length / 5;
  const via = random.chance(0.5) ? "api" : "stream";
  const asked = { key: `k${String(count)}`, jet, at: Date.now(), taken: false };
  const more = { onBusy: random.chance(0.6) ? "queue" : "refuse", isTwice: random.chance(0.08) } as const;
  if (isMortal && lot < 0.15) return { asked: { ...asked, via, action: "remove" }, ...more };
  if (isMortal && lot < 0.4) return { asked: { ...asked, via: "api", action: "create" }, ...more };
  // A jet whose creation was interrupted is there, and is created by a trigger like any other.
  if (isMortal && lot < 0.5) return { asked: { ...asked, via: "stream", action: "create" }, ...more };
  const plain = random.pick(["quick", "quick", "steps", "slow", "again"]);
  const action = others.chance(0.4) ? others.pick(["few", "few", "both", "placed", "sealed"]) : plain;
  return { asked: { ...asked, via, action }, ...more };
}

async function ask(client: MeshClient, { asked, onBusy, isTwice }: Given): Promise<void> {
  await (asked.via === "stream" ? publish(client, asked, onBusy) : request(client, asked, onBusy));
  if (isTwice)
    await (asked.via === "stream" ? publish(client, asked, onBusy) : request(client, asked, onBusy));
}

async function publish(client: MeshClient, asked: Asked, onBusy: "queue" | "refuse"): Promise<void> {
  await insist(async () => {
    await client.publishTrigger(asked.jet, asked.action, { messageId: asked.key, onBusy });
    asked.taken = true;
  });
}

async function request(client: MeshClient, asked: Asked, onBusy: "queue" | "refuse"): Promise<void> {
  await insist(async () => {
    try {
      const { jet, key, action } = asked;
      const { actionId } =
        action === "create"
          ? await client.request<{ actionId: string }>(
              "jet.create",
              { template: "storm", reference: jet, key, variables: { rack: rackOf(jet) } },
              ANSWER_MS,
            )
          : await client.request<{ actionId: string }>(
              "jet.trigger",
              { jet, action, key, onBusy },
              ANSWER_MS,
            );
      asked.taken = true;
      asked.actionId = actionId;
    } catch (thrown) {
      if (!(thrown instanceof MeshError) || ["unavailable", "overloaded", "conflict"].includes(thrown.code))
        throw thrown;
      asked.taken = true;
      asked.refusal = thrown.code;
    }
  });
}

/** Without an answer nothing is known: the same again, under the same key. */
async function insist(attempt: () => Promise<void>): Promise<void> {
  const until = performance.now() + INSIST_MS;
  for (;;) {
    try {
      await attempt();
      return;
    } catch {
      if (performance.now() > until) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
