import { FAULTS_BY_SERVICE, type ServiceName } from "@jetmesh/testkit";
import { createRandom, type Random } from "./random.ts";

/**
 * What a storm does and when, from its seed alone: victims, moments and faults are fixed before it begins, so that
 * the same seed does the same again. What the mesh is doing at such a moment is up to the machine; a seed that
 * found something is kept all the same, for it finds it often.
 */
export interface StormSize {
  readonly seconds: number;
  readonly runners: number;
  readonly stores: number;
  readonly nodes: 1 | 3;
}

export type Disturbance =
  /** SIGKILL; started again after `backMs`, with a fault at a named point in it or without. */
  | {
      readonly kind: "kill";
      readonly atMs: number;
      readonly victim: Slot;
      readonly backMs: number;
      readonly faults?: string;
    }
  /** SIGSTOP, and SIGCONT after `forMs`. */
  | { readonly kind: "pause"; readonly atMs: number; readonly victim: Slot; readonly forMs: number }
  /** Its connections are reset; those it makes again are reset too until `forMs` have passed. */
  | { readonly kind: "cut"; readonly atMs: number; readonly victim: Slot; readonly forMs: number }
  /** Nothing passes either way and nobody is told, for `forMs`. */
  | { readonly kind: "freeze"; readonly atMs: number; readonly victim: Slot; readonly forMs: number }
  /** What the broker says does not reach it any more, for `forMs`; what it says still reaches the broker. */
  | { readonly kind: "mute"; readonly atMs: number; readonly victim: Slot; readonly forMs: number }
  | { readonly kind: "broker-kill"; readonly atMs: number; readonly node: number; readonly backMs: number }
  | { readonly kind: "broker-pause"; readonly atMs: number; readonly node: number; readonly forMs: number };

/** One place for a process of a service; whoever fills it may be killed and replaced. */
export interface Slot {
  readonly service: ServiceName;
  readonly number: number;
}
export const slotName = ({ service, number }: Slot): string => `${service}-${String(number)}`;

export function slotsOf({ runners, stores }: StormSize): Slot[] {
  const counts: readonly (readonly [ServiceName, number])[] = [
    ["state-store", stores],
    ["authz", 2],
    ["gateway", 2],
    ["lifecycle-ticker", 2],
    ["flight-plan-runner", runners],
  ];
  return counts.flatMap(([service, count]) =>
    Array.from({ length: count }, (_, index) => ({ service, number: index + 1 })),
  );
}

/** Not every runner has the label; the only one has it. */
export const hasLabel = ({ service, number }: Slot, { runners }: StormSize): boolean =>
  service === "flight-plan-runner" && (number > 1 || runners === 1);

/** Every other process is reached by the broker through a proxy, so that its link can fail. */
export const isBehindProxy = ({ number }: Slot): boolean => number % 2 === 1;

export function planStorm(seed: number, size: StormSize): Disturbance[] {
  const random = createRandom(seed);
  const planned: Disturbance[] = [];
  const endMs = size.seconds * 1_000;
  const slots = slotsOf(size);
  const proxied = slots.filter(isBehindProxy);
  // Runners hold what must not run twice, and state-stores what must not be lost: they suffer most.
  const weighted = [
    ...slots,
    ...slots.filter(({ service }) => service === "flight-plan-runner" || service === "state-store"),
  ];
  for (let atMs = random.between(500, 1_500); atMs < endMs; atMs += random.between(300, 2_000)) {
    planned.push(disturbance(random, atMs, weighted, proxied, size));
  }
  return planned;
}

function disturbance(
  random: Random,
  atMs: number,
  slots: readonly Slot[],
  proxied: readonly Slot[],
  size: StormSize,
): Disturbance {
  const lot = random.next();
  if (lot < 0.5) {
    const victim = random.pick(slots);
    const faults = random.chance(0.6) ? faultsFor(random, victim.service) : undefined;
    const backMs = random.between(100, 2_000);
    return { kind: "kill", atMs, victim, backMs, ...(faults === undefined ? {} : { faults }) };
  }
  if (lot < 0.66) {
    const victim = random.pick(slots);
    // Now and then past the presence of a runner.
    const forMs = random.chance(0.15) ? random.between(16_000, 20_000) : random.between(500, 6_000);
    return { kind: "pause", atMs, victim, forMs };
  }
  if (lot < 0.88) {
    const kind = random.pick(["cut", "cut", "freeze", "mute"] as const);
    const forMs = random.chance(0.15) ? random.between(16_000, 20_000) : random.between(200, 5_000);
    return { kind, atMs, victim: random.pick(proxied), forMs };
  }
  const node = random.between(0, size.nodes - 1);
  if (random.chance(0.6)) {
    return { kind: "broker-kill", atMs, node, backMs: random.between(50, 2_500) };
  }
  return { kind: "broker-pause", atMs, node, forMs: random.between(300, 4_000) };
}

/** One or two faults at named points of a service, each at its n-th occurrence. */
function faultsFor(random: Random, service: ServiceName): string | undefined {
  const all = FAULTS_BY_SERVICE[service];
  // Gateways and authz write nothing.
  if (all.length === 0) return undefined;
  const count = random.chance(0.3) ? 2 : 1;
  return Array.from({ length: count }, () => `${random.pick(all)}@${String(random.between(1, 40))}`).join(
    ",",
  );
}

export function describe(planned: Disturbance): string {
  if (planned.kind === "broker-kill")
    return `broker ${String(planned.node + 1)}: SIGKILL, back after ${String(planned.backMs)} ms`;
  if (planned.kind === "broker-pause")
    return `broker ${String(planned.node + 1)}: SIGSTOP for ${String(planned.forMs)} ms`;
  const who = slotName(planned.victim);
  if (planned.kind === "kill")
    return `${who}: SIGKILL, back after ${String(planned.backMs)} ms${planned.faults === undefined ? "" : `, then ${planned.faults}`}`;
  const what = { pause: "SIGSTOP", cut: "link cut", freeze: "link frozen", mute: "replies lost" }[
    planned.kind
  ];
  return `${who}: ${what} for ${String(planned.forMs)} ms`;
}
