import { join } from "node:path";
import type { CreatedAction } from "@jetmesh/protocol";
import { applyDocuments, eventually, loopDocuments, startMesh, type TestService } from "@jetmesh/testkit";
import { afterAll, expect, test } from "vitest";
import { createHeaps } from "../support/heaps.ts";

/** What is over leaves nothing in the memory of those who had it in hand. */
const PLANS = 1_500;
const WORKFLOWS = 500;
const JETS = 50;
/** What a collection finds differs by some hundred kilobytes from one time to the next. */
const MOST_BYTES = 1_500_000;

const heaps = createHeaps();
afterAll(() => heaps.remove());

test("a runner that has run thousands of plans and workflows has no more in use than before", async () => {
  await using mesh = await startMesh({ env: heaps.env });
  const client = await mesh.client();
  await mesh.startRunner(join(import.meta.dirname, "../support/workflow-runner.ts"));
  const steps = Array.from({ length: 5 }, (_, n) => ({ reference: `s${String(n)}`, shell: "true" }));
  await applyDocuments(client, loopDocuments(steps));
  const jets = Array.from({ length: JETS }, (_, n) => `jet-${String(n)}`);
  await Promise.all(
    jets.map((reference) => client.request("jet.create", { template: "loop", reference, wait: true })),
  );
  const run = async (plans: number, workflows: number): Promise<void> => {
    for (let n = 0; n < plans; n += 1)
      await client.publishTrigger(jets[n % JETS] ?? "", "turn", { onBusy: "queue" });
    const ids: string[] = [];
    for (let n = 0; n < workflows; n += 1)
      ids.push((await client.request<CreatedAction>("action.create", { kind: "winding" })).actionId);
    for (const id of ids) expect(await client.ended(id, 300_000)).toMatchObject({ outcome: "SUCCESS" });
    for (const jet of jets)
      await eventually(
        `${jet} to rest`,
        async () => {
          const is = await client.request<{ open?: unknown; queue: unknown[] }>("jet.get", {
            reference: jet,
          });
          return is.open === undefined && is.queue.length === 0 ? true : undefined;
        },
        { withinMs: 300_000 },
      );
  };
  const inUse = async (): Promise<Map<TestService, number>> => {
    const found = new Map<TestService, number>();
    for (const one of mesh.services) found.set(one, await heaps.bytesOf(one));
    return found;
  };
  await run(PLANS / 3, WORKFLOWS / 3);
  const before = await inUse();
  await run(PLANS, WORKFLOWS);
  const grown = [...(await inUse())].map(
    ([one, bytes]) => [`${one.name} ${one.instance}`, bytes - (before.get(one) ?? 0)] as const,
  );
  process.stdout.write(
    `${grown.map(([name, bytes]) => `${name} ${(bytes / 1e6).toFixed(1)} MB more`).join(", ")}\n`,
  );
  expect(grown.filter(([, bytes]) => bytes > MOST_BYTES)).toEqual([]);
}, 600_000);
