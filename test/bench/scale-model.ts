/**
 * How many actions a second a mesh does (`docs/scaling.md`): cores divided by what an action takes of them. What it
 * takes is measured in a mesh of one of each; what another shape adds to it, by the factors below, was measured once.
 */
export interface MeshShape {
  readonly runners: number;
  readonly stores: number;
  readonly shards: number;
  /** One node, the same with `sync_interval: always`, or three nodes with replicas 3. */
  readonly brokers: keyof typeof BROKERS;
}

export interface Coefficients {
  /** Of the machine, or of all machines together. */
  readonly cores: number;
  /** How much of them is used when more is asked for than can be done: 1 is all. */
  readonly used: number;
  /** Microseconds an action, by service, in a mesh of one of each; `broker` one node, `load` whoever asks. */
  readonly cpuUs: Readonly<Record<string, number>>;
}

/**
 * What all nodes together take, and the services, of what they take with one node and one shard; and how much of the
 * cores is used. Where an answer takes longer, turns are smaller, and each costs its wake-up. A disk is waited for.
 */
const BROKERS = {
  "one node": { broker: 1, services: 1, used: 1, anotherShard: { broker: 0.015, services: 0.035 } },
  "one node, synced": {
    broker: 3.75,
    services: 1.4,
    used: 0.9,
    anotherShard: { broker: 0.3, services: 0.14 },
  },
  "three nodes": { broker: 3.1, services: 1.18, used: 1.07, anotherShard: { broker: 0.22, services: 0.085 } },
} as const;
/** Each of several has smaller turns, too. */
const ANOTHER_RUNNER = 0.13;
const ANOTHER_STORE = 0.1;

export function predict(
  { runners, stores, shards, brokers }: MeshShape,
  { cores, used, cpuUs }: Coefficients,
): { readonly rate: number; readonly bound: string } {
  const of = (name: string): number => cpuUs[name] ?? 0;
  const factors = BROKERS[brokers];
  const others = shards - 1;
  const broker = of("broker") * (factors.broker + factors.anotherShard.broker * others);
  const slower = factors.services + factors.anotherShard.services * others;
  const store = of("state-store") * (1 + ANOTHER_STORE * (stores - 1)) * slower;
  const runner = of("flight-plan-runner") * (1 + ANOTHER_RUNNER * (runners - 1)) * slower;
  const rest = Object.keys(cpuUs)
    .filter((name) => !["broker", "state-store", "flight-plan-runner"].includes(name))
    .reduce((sum, name) => sum + of(name) * slower, 0);
  const bounds: [string, number][] = [
    ["CPU", (cores * Math.min(1, used * factors.used) * 1e6) / (broker + store + runner + rest)],
    // A process of ours has one thread.
    ["the runners", (runners * 1e6) / runner],
    ["the state-stores", (stores * 1e6) / store],
  ];
  const [bound, rate] = bounds.reduce((least, one) => (one[1] < least[1] ? one : least));
  return { rate, bound };
}
