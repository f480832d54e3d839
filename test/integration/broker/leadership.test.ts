import type { MeshClient } from "@jetmesh/client";
import type { Health } from "@jetmesh/protocol";
import { ask } from "@jetmesh/storage";
import { applyDocuments, eventually, loopDocuments, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { passed } from "../../support/outage.ts";
import { noneRestarted, untilAllServe } from "../../support/serving.ts";

/** After so long a lease that nobody renews is over (`JM_LEASE_TTL_MS`). */
const LEASE_MS = 5_000;

let mesh: TestMesh;
let client: MeshClient;
beforeAll(async () => {
  mesh = await startMesh({ services: { "lifecycle-ticker": 2 } });
  client = await mesh.client();
  await applyDocuments(client, loopDocuments([{ wait: "1s" }]));
  await client.request("jet.create", { template: "loop", reference: "one", wait: true });
});
afterAll(() => mesh.stop());

/** How many tickers say of themselves that they lead; each answer comes from either. */
async function leaders(): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  const seen = new Set<string>();
  await eventually("both tickers to answer", async () => {
    const answer = await ask(client.connection, client.names.svc.of("lifecycle-ticker", "health"), {}, 1_000);
    if (!answer.ok) return undefined;
    const { instance, details } = answer.body as Health;
    seen.add(instance);
    if (details?.["isLeader"] === true) found.add(instance);
    return seen.size === 2 ? true : undefined;
  });
  return found;
}

test.each([
  ["shorter than a lease", 1_000],
  ["longer than a lease", LEASE_MS + 2_000],
])("a broker away for %s: one ticker leads again, and what is due is resumed", async (_, ms) => {
  await eventually("one to lead", async () => ((await leaders()).size === 1 ? true : undefined));
  const { actionId } = await client.request<{ actionId: string }>("jet.trigger", {
    jet: "one",
    action: "turn",
  });
  await mesh.server.kill();
  await passed(ms, performance.now());
  await mesh.server.restart();
  const back = performance.now();
  await untilAllServe(mesh, client, 5_000);
  // The wait is over by the ticker alone: nobody else resumes what is due.
  await client.request("jet.trigger", { jet: "one", action: "turn", onBusy: "queue", wait: true }, 1_000);
  expect(await client.request("action.get", { id: actionId })).toMatchObject({ outcome: "SUCCESS" });
  await eventually("one to lead again", async () => ((await leaders()).size === 1 ? true : undefined));
  expect(performance.now() - back).toBeLessThan(12_000);
  expect(noneRestarted(mesh)).toBe(true);
});
