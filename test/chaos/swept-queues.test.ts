import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import {
  allJets,
  applyDocuments,
  eventually,
  loopDocuments,
  startMesh,
  type TestMesh,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

/**
 * A broker that was killed can hold messages in a work queue that count as acknowledged: its consumer gives them to
 * nobody. Here the consumer is set behind them by hand, which leaves the same.
 */
const dir = mkdtempSync(join(tmpdir(), "jm-swept-"));
const file = join(dir, "ran");
let mesh: TestMesh;
let client: MeshClient;

beforeAll(async () => {
  writeFileSync(file, "");
  mesh = await startMesh();
  client = await mesh.client();
  await applyDocuments(client, loopDocuments([{ shell: `echo "$JM_ACTION_ID" >> ${file}` }]));
  await client.request("jet.create", { template: "loop", reference: "one", wait: true });
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

const ran = (): string[] => readFileSync(file, "utf8").split("\n").filter(Boolean);
const messagesIn = async (stream: string): Promise<number> =>
  (await client.connection.jsm.streams.info(stream)).state.messages;

async function skip(stream: string, consumer: string): Promise<void> {
  const { last_seq: last } = (await client.connection.jsm.streams.info(stream)).state;
  await client.connection.jsm.consumers.reset(stream, consumer, last + 1);
  const { ack_floor: floor } = await client.connection.jsm.consumers.info(stream, consumer);
  expect(floor.stream_seq).toBe(last);
}

test("a trigger that the broker counts as acknowledged, but that nobody has handled, is handled after all", async () => {
  await mesh.of("state-store").kill();
  await client.publishTrigger("one", "turn");
  await skip("JM_TRIGGERS", "state-store");
  // Whoever dies over it leaves it to the next.
  const faulty = await mesh.start("state-store", { JM_FAULTS: "sweep.remove/before=crash@1" });
  await faulty.gone;
  await mesh.start("state-store");
  await eventually(
    "the trigger to be out of its queue",
    async () => ((await messagesIn("JM_TRIGGERS")) === 0 ? true : undefined),
    { withinMs: 30_000 },
  );
  await eventually("it to run", () => (ran().length === 1 ? true : undefined));
});

test("one that was handled and not taken out goes, and runs nothing again", async () => {
  await rests();
  const before = ran().length;
  // Its acknowledgement never reaches the broker, and then the consumer is set behind it.
  const store = mesh.services.findLast(({ name }) => name === "state-store");
  await store?.stop();
  const faulty = await mesh.start("state-store", {
    JM_FAULTS: "trigger.ack/after=crash@1,trigger.ack/before=lose@1",
  });
  await client.publishTrigger("one", "turn");
  await faulty.gone;
  await skip("JM_TRIGGERS", "state-store");
  await mesh.start("state-store");
  await eventually(
    "the trigger to be out of its queue",
    async () => ((await messagesIn("JM_TRIGGERS")) === 0 ? true : undefined),
    { withinMs: 30_000 },
  );
  await rests();
  expect(ran()).toHaveLength(before + 1);
});

test("a hint that is left behind goes as well", async () => {
  await client.connection.js.publish("jm.resume.default.aaaaaaaaaaaaaaaaaaaaaaaaaa", "{}");
  const runner = mesh.of("flight-plan-runner");
  await eventually("the hint to be taken", async () =>
    (await messagesIn("JM_RESUME")) === 0 ? true : undefined,
  );
  await runner.kill();
  await client.connection.js.publish("jm.resume.default.aaaaaaaaaaaaaaaaaaaaaaaaaa", "{}");
  await skip("JM_RESUME", "pool-default");
  await eventually(
    "the hint to be out of its queue",
    async () => ((await messagesIn("JM_RESUME")) === 0 ? true : undefined),
    { withinMs: 30_000 },
  );
});

const rests = (): Promise<unknown> =>
  eventually(
    "the jet to rest",
    async () =>
      (await allJets(client.connection, client.names)).every(({ open }) => open === undefined)
        ? true
        : undefined,
    { withinMs: 20_000 },
  );
