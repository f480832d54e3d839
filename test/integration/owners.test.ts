import type { MeshClient } from "@jetmesh/client";
import { applyDocuments, eventually, loopDocuments, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

/** Which of several state-stores is asked about a jet (ADR 0025). */
const jets = Array.from({ length: 24 }, (_, n) => `jet${String(n)}`);
let mesh: TestMesh;
let client: MeshClient;
/** By jet, the state-stores that were asked to trigger it, and those that were told of an end. */
const asked = new Map<string, Set<string>>();
const told = new Map<string, Set<string>>();

const listening: { unsubscribe(): void }[] = [];

beforeAll(async () => {
  mesh = await startMesh({ services: { "state-store": 2 } });
  client = await mesh.client();
  await applyDocuments(client, loopDocuments([{ wait: 0 }]));
  await Promise.all(
    jets.map((reference) => client.request("jet.create", { template: "loop", reference, wait: true })),
  );
  const listen = (verb: string, seen: Map<string, Set<string>>, jetOf: (body: unknown) => string): void => {
    const subscription = client.connection.nc.subscribe(`jm.svc.state-store.*.${verb}`, {
      callback: (_error, message) => {
        const jet = jetOf(message.json());
        seen.set(jet, (seen.get(jet) ?? new Set()).add(message.subject.split(".")[3] ?? ""));
      },
    });
    listening.push(subscription);
  };
  listen("jet-trigger", asked, (body) => (body as { request: { jet: string } }).request.jet);
  listen("ended", told, (body) => (body as { record: { jet: { reference?: string } & string } }).record.jet);
  await client.connection.nc.flush();
}, 60_000);
afterAll(() => mesh.stop());

const turnAll = (): Promise<unknown> =>
  Promise.all(
    jets.map((jet) => client.request("jet.trigger", { jet, action: "turn", wait: true, timeoutMs: 10_000 })),
  );

test("the same one each time, which is told of the end as well, and each has its share", async () => {
  await eventually("both to be known", async () => {
    asked.clear();
    told.clear();
    await turnAll();
    return asked.size === jets.length ? true : undefined;
  });
  for (let n = 0; n < 3; n += 1) await turnAll();
  expect([...asked.values()].map((stores) => stores.size)).toEqual(jets.map(() => 1));
  expect(Object.fromEntries(told)).toEqual(Object.fromEntries(asked));
  expect(new Set([...asked.values()].flatMap((stores) => [...stores])).size).toBe(2);
});

test("another at once where that one is gone", async () => {
  // Who listens there would stand in for it.
  for (const subscription of listening) subscription.unsubscribe();
  await mesh.services.find(({ name }) => name === "state-store")?.kill();
  // Asked in vain, a gateway would answer `unavailable`.
  await turnAll();
});
