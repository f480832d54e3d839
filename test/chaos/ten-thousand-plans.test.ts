import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applyDocuments, eventually, loopDocuments, startMesh } from "@jetmesh/testkit";
import { afterAll, expect, test } from "vitest";
import { createHeaps } from "../support/heaps.ts";
import { linesOf } from "../support/lines-of.ts";

/** Ten thousand plans of five steps, a hundred for each of a hundred jets, on three runners. */
const JETS = 100;
const EACH = 100;
const STEPS = 5;
const AT_ONCE = 64;

const dir = mkdtempSync(join(tmpdir(), "jm-many-"));
const heaps = createHeaps();
afterAll(() => {
  rmSync(dir, { recursive: true, force: true });
  heaps.remove();
});

test("all end, each step once and in order, no jet is left behind, and nobody grows", async () => {
  await using mesh = await startMesh({ services: { "flight-plan-runner": 3 }, env: heaps.env });
  const client = await mesh.client();
  const ran = join(dir, "ran");
  const steps = Array.from({ length: STEPS }, (_, n) => ({
    reference: `s${String(n)}`,
    shell: `echo "$JM_JET $JM_ACTION_ID ${String(n)}" >> ${ran}`,
  }));
  await applyDocuments(client, loopDocuments(steps));
  const jets = Array.from({ length: JETS }, (_, n) => `jet-${String(n)}`);
  await Promise.all(
    jets.map((reference) => client.request("jet.create", { template: "loop", reference, wait: true })),
  );
  const wanted = jets.flatMap((jet) => Array.from({ length: EACH }, () => jet)).values();
  const begun = performance.now();
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (const jet of wanted) await client.publishTrigger(jet, "turn", { onBusy: "queue" });
    }),
  );
  const total = JETS * EACH * STEPS;
  // Resident memory goes up and down by what the collector leaves lying: what is in use behind a collection counts.
  const inUse = async (): Promise<Map<string, number>> => {
    const found = new Map<string, number>();
    for (const one of mesh.services)
      found.set(`${one.name} ${String(one.pid)}`, (await heaps.bytesOf(one)) / 1e6);
    return found;
  };
  const done = (): number => linesOf(ran).length;
  const reached = (share: number): Promise<true> =>
    eventually(`${String(share)} of all steps`, () => (done() >= total * share ? true : undefined), {
      withinMs: 600_000,
      everyMs: 500,
      lastSeen: done,
    });
  await reached(0.25);
  const first = await inUse();
  await reached(1);
  const seconds = (performance.now() - begun) / 1_000;
  const stepsOf = new Map<string, string[]>();
  const endedOf = new Map<string, number>(jets.map((jet) => [jet, 0]));
  let least: number | undefined;
  for (const line of linesOf(ran)) {
    const [jet = "", action = "", step = ""] = line.split(" ");
    stepsOf.set(action, [...(stepsOf.get(action) ?? []), step]);
    if (step !== String(STEPS - 1)) continue;
    const ended = (endedOf.get(jet) ?? 0) + 1;
    endedOf.set(jet, ended);
    if (ended === EACH) least ??= Math.min(...endedOf.values());
  }
  expect(stepsOf.size).toBe(JETS * EACH);
  const inOrder = Array.from({ length: STEPS }, (_, n) => String(n)).join();
  expect([...stepsOf.values()].filter((one) => one.join() !== inOrder)).toEqual([]);
  for (const jet of jets) {
    const is = (): Promise<{ open?: unknown; queue: unknown[]; state?: string }> =>
      client.request("jet.get", { reference: jet });
    await eventually(`${jet} to rest`, async () => {
      const { open, queue, state } = await is();
      return open === undefined && queue.length === 0 && state === "resting" ? true : undefined;
    });
  }
  // No jet had twice as much as another when the first had all of its plans behind it.
  expect(least).toBeGreaterThanOrEqual(EACH / 2);
  const grown = [...(await inUse())].map(([name, mb]) => [name, mb, mb - (first.get(name) ?? 0)] as const);
  process.stdout.write(
    `${String(JETS * EACH)} plans of ${String(STEPS)} steps in ${seconds.toFixed(0)} s; the last jet had ${String(least)} of ${String(EACH)} when the first had all; ${grown
      .map(([name, mb, more]) => `${name} ${mb.toFixed(1)} MB (${more.toFixed(1)} more)`)
      .join(", ")}\n`,
  );
  expect(grown.filter(([, , more]) => more > 3)).toEqual([]);
}, 900_000);
