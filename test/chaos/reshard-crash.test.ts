// `jm reshard` killed at each of its writes, and run again: nothing is lost, and no service starts in between.
import { createNames, type JetRecord, topologyOf } from "@jetmesh/protocol";
import {
  agreeOnShards,
  type Connection,
  connectMesh,
  createMeshStore,
  ensureTopology,
  readMesh,
} from "@jetmesh/storage";
import { type MeshOptions, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterEach, expect, test } from "vitest";
import { differences, recordsOf, runJm } from "../support/shard-records.ts";

const NONE: NonNullable<MeshOptions["services"]> = {
  "state-store": 0,
  authz: 0,
  gateway: 0,
  "lifecycle-ticker": 0,
  "flight-plan-runner": 0,
};
const plain = createNames();
const JETS = 60;
const CHUNKS = 12;
const COUNT = JETS + CHUNKS;
let mesh: TestMesh;
let connection: Connection;
afterEach(async () => {
  await connection.close();
  await mesh.stop();
});

const jet = (reference: string, incarnation: number): JetRecord => ({
  v: 1,
  reference,
  name: reference,
  template: "loop",
  queue: [],
  recent: [],
  incarnation,
  users: [],
  managers: [],
  variables: {},
  createdAt: "2026-01-01T12:00:00.000Z",
  changedAt: "2026-01-01T12:00:00.000Z",
});

/** A mesh without services: its streams, and records of each kind in them. */
async function begin(shards: number): Promise<void> {
  mesh = await startMesh({ services: NONE });
  connection = await connectMesh({ url: mesh.url, name: "test" });
  const names = createNames("jm", shards);
  const { streams, consumers } = topologyOf(names, { replicas: 1 });
  const definitions = streams.filter(({ name }) => name === "KV_jm_definitions");
  await ensureTopology(connection, { streams: definitions, consumers: [] });
  await agreeOnShards(connection, plain, shards);
  await ensureTopology(connection, { streams, consumers });
  const { jets, steps } = createMeshStore(connection, names);
  for (let n = 0; n < JETS; n += 1) {
    const reference = `jet${String(n)}`;
    // Some written once, some more often, some on their way out.
    const first = await jets.swap(reference, jet(reference, 0), 0, { point: "jet.accept" });
    const revision = first.kind === "written" ? first.revision : 0;
    if (n % 3 === 0) continue;
    const ttlMs = n % 3 === 1 ? undefined : 3_600_000;
    await jets.swap(reference, jet(reference, revision), revision, { point: "jet.accept", ttlMs });
  }
  for (let n = 0; n < CHUNKS; n += 1) {
    const chunk = {
      ...{ v: 1 as const, id: `fedcba987654${String(n % 5).padStart(14, "0")}`, number: n, attempt: 1 },
      ...{ mark: String(n), before: "", steps: [] },
    };
    const ttlMs = n % 3 === 1 ? 3_600_000 : undefined;
    await steps.swap(names.chunk(chunk.id, n), chunk, 0, { point: "steps.keep", ttlMs });
  }
}

const shardsNow = async (): Promise<unknown> => (await readMesh(connection, plain))?.record;
const streamsNow = async (): Promise<string[]> =>
  (await connection.jsm.streams.names().next()).filter((name) => /jets|actions|steps/.test(name)).toSorted();
const streamsOf = (shards: number): string[] =>
  topologyOf(createNames("jm", shards), { replicas: 1 })
    .streams.map(({ name }) => name)
    .filter((name) => /jets|actions|steps/.test(name))
    .toSorted();

const FAULTS = [
  "reshard.record/before=crash@1",
  "reshard.record/after=crash@1",
  "reshard.record/before=crash@2",
  "reshard.record/after=crash@2",
  "reshard.record/before=crash@3",
  "reshard.record/after=crash@3",
  "reshard.seal/before=crash@1",
  "reshard.seal/after=crash@1",
  "reshard.make/before=crash@2",
  "reshard.make/after=crash@2",
  "reshard.copy/before=crash@1",
  "reshard.copy/after=crash@40",
  "reshard.remove/before=crash@1",
  "reshard.remove/after=crash@1",
] as const;

test.each(FAULTS)(
  "killed at %s it is run again, and everything is there once",
  async (fault) => {
    await begin(1);
    const before = await recordsOf(connection, 1);
    expect(before.size).toBe(COUNT);

    const killed = await runJm(mesh.url, ["reshard", "--to", "3"], { JM_FAULTS: fault });
    expect(killed.signal, killed.output).toBe("SIGKILL");
    const between = (await readMesh(connection, plain))?.record;
    const isBetween = between?.reshard !== undefined;
    // Before its first write and after its last a mesh is whole; in between nobody may start.
    expect(isBetween).toBe(
      fault !== "reshard.record/before=crash@1" && fault !== "reshard.record/after=crash@3",
    );
    if (isBetween) {
      await expect(mesh.start("state-store")).rejects.toThrow(
        /the mesh is being resharded from 1 to 3: let `jm reshard --to 3` come to its end first/,
      );
      const doctor = await runJm(mesh.url, ["doctor"]);
      expect(doctor.output).toMatch(/wrong +shards +being resharded from 1 to 3/);
    }

    const again = await runJm(mesh.url, ["reshard", "--to", "3"]);
    expect(again.code, again.output).toBe(0);
    expect(differences(before, await recordsOf(connection, 3))).toEqual([]);
    expect(await shardsNow()).toEqual({ v: 1, shards: 3 });
    expect(await streamsNow()).toEqual(streamsOf(3));
  },
  60_000,
);

test.each([
  "reshard.copy/after=lose@10",
  "reshard.copy/before=twice@10",
  "reshard.record/after=lose@1",
  "reshard.record/before=twice@2",
])(
  "with %s it comes to its end all the same",
  async (fault) => {
    await begin(1);
    const before = await recordsOf(connection, 1);
    const done = await runJm(mesh.url, ["reshard", "--to", "2"], { JM_FAULTS: fault });
    expect(done.output).toContain("fault reshard.");
    expect(done.code, done.output).toBe(0);
    expect(differences(before, await recordsOf(connection, 2))).toEqual([]);
    expect(await streamsNow()).toEqual(streamsOf(2));
  },
  60_000,
);

test("from several to several it goes by way of one, and back to what it was, as often as one likes", async () => {
  await begin(4);
  let before = await recordsOf(connection, 4);
  for (const shards of [3, 1, 4]) {
    const done = await runJm(mesh.url, ["--json", "reshard", "--to", String(shards)]);
    expect(done.code, done.output).toBe(0);
    expect(JSON.parse(done.output)).toMatchObject({ shards });
    expect(await shardsNow()).toEqual({ v: 1, shards });
    expect(await streamsNow()).toEqual(streamsOf(shards));
    const after = await recordsOf(connection, shards);
    expect(differences(before, after)).toEqual([]);
    before = after;
  }
  const nothing = await runJm(mesh.url, ["--json", "reshard", "--to", "4"]);
  expect(JSON.parse(nothing.output)).toEqual({ shards: 4, hops: [] });
}, 90_000);

test("killed on its way it can be given up: the mesh is as it was", async () => {
  await begin(1);
  const before = await recordsOf(connection, 1);
  const killed = await runJm(mesh.url, ["reshard", "--to", "3"], {
    JM_FAULTS: "reshard.copy/after=crash@20",
  });
  expect(killed.signal).toBe("SIGKILL");
  const { jets } = createMeshStore(connection, plain);
  await expect(
    jets.swap("late", jet("late", 0), 0, { point: "jet.accept", deadlineMs: 500 }),
    "a process that nobody saw writes nothing meanwhile",
  ).rejects.toThrow(/no clear answer/);
  const back = await runJm(mesh.url, ["reshard", "--to", "1"]);
  expect(back.code, back.output).toBe(0);
  expect(await shardsNow()).toEqual({ v: 1, shards: 1 });
  expect(await streamsNow()).toEqual(streamsOf(1));
  expect([...(await recordsOf(connection, 1))]).toEqual([...before]);
  expect((await jets.swap("late", jet("late", 0), 0, { point: "jet.accept" })).kind).toBe("written");
}, 60_000);

test("what resharding did not make is not written into, and what is not right is not called done", async () => {
  await begin(1);
  await connection.jsm.streams.add({ name: "KV_jm_jets_1", subjects: ["$KV.jm_jets_1.>"] });
  await connection.js.publish("$KV.jm_jets_1.stranger", "{}");
  const refused = await runJm(mesh.url, ["reshard", "--to", "2"]);
  expect(refused.code).toBe(1);
  expect(refused.output).toMatch(/there is a stream KV_jm_jets_1 already that resharding did not make/);
  const back = await runJm(mesh.url, ["reshard", "--to", "1"]);
  expect(back.code, back.output).toBe(0);
  expect(await streamsNow()).toEqual([...streamsOf(1), "KV_jm_jets_1"].toSorted());
  expect((await connection.jsm.streams.info("KV_jm_jets_1")).state.messages).toBe(1);
  expect(await recordsOf(connection, 1)).toHaveProperty("size", COUNT);
}, 60_000);

test("where there is no mesh it says so, and makes none", async () => {
  mesh = await startMesh({ services: NONE });
  connection = await connectMesh({ url: mesh.url, name: "test" });
  const done = await runJm(mesh.url, ["--timeout", "1s", "reshard", "--to", "2"]);
  expect(done.code).toBe(1);
  expect(done.output).toMatch(/there is no mesh here/);
  expect(await connection.jsm.streams.names().next()).toEqual([]);
}, 60_000);
