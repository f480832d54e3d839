// A mesh with everything in it that a mesh can have, resharded from one to four and back (ADR 0020).
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import { dueAt, expiresAt } from "@jetmesh/lifecycle";
import type { ActionRecord, JetRecord } from "@jetmesh/protocol";
import { createMeshStore } from "@jetmesh/storage";
import {
  allActions,
  applyDocuments,
  eventually,
  loopDocuments,
  type ServiceName,
  startMesh,
  type TestMesh,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { differences, type Held, recordsOf, runJm } from "../support/shard-records.ts";

const SERVICES: readonly ServiceName[] = [
  "state-store",
  "authz",
  "gateway",
  "lifecycle-ticker",
  "flight-plan-runner",
];
const dir = mkdtempSync(join(tmpdir(), "jm-reshard-"));
const ranFile = join(dir, "ran");
const shell = (step: string) => ({ shell: `echo "$JM_JET ${step}" >> ${ranFile}` });
const ran = (): string[] => readFileSync(ranFile, "utf8").trim().split("\n").toSorted();
const GOES_MS = 60_000;

let mesh: TestMesh;
let client: MeshClient;
beforeAll(async () => {
  mesh = await startMesh({ env: { JM_PRESENCE_TTL_MS: "3000", JM_POOLS: "default" } });
  client = await mesh.client();
  // The first time it stays in its step until its runner is killed.
  const nap = join(dir, "napped");
  const held = `echo "$JM_JET held" >> ${ranFile}; test -e ${nap} || { touch ${nap}; sleep 60; }`;
  for (const documents of [
    loopDocuments([shell("turned")]),
    // It waits in the middle, holding no runner.
    loopDocuments([shell("before"), { wait: "8s" }, shell("after")], {}, "waits"),
    loopDocuments([{ shell: held, idempotent: true }], {}, "held"),
    // Its pool has no runner yet.
    loopDocuments([shell("late")], {}, "sleeps").map((one) =>
      one["kind"] === "Plan" ? { ...one, pool: "late" } : one,
    ),
  ])
    await applyDocuments(client, documents);
}, 90_000);
afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

const make = (template: string, reference: string, more: Record<string, unknown> = {}): Promise<unknown> =>
  client.request("jet.create", { template, reference, wait: true, ...more });
const stateOf = async (reference: string): Promise<JetRecord> =>
  client.request<JetRecord>("jet.get", { reference });
const running = () => mesh.services.filter((service) => service.isRunning());

async function startAll(env: Readonly<Record<string, string>>, shards: number): Promise<void> {
  await Promise.all(
    SERVICES.map((name) =>
      mesh.start(name, name === "flight-plan-runner" ? { ...env, JM_POOLS: "default,late" } : env),
    ),
  );
  client = await mesh.client();
  client = { ...client, names: await client.meshNames() };
  expect(client.names.shards).toBe(shards);
}

async function quiet(): Promise<void> {
  let last: unknown;
  await eventually(
    "every action to be closed",
    async () => {
      const open = (await allActions(client.connection, client.names)).filter(
        ({ state }) => state !== "CLOSED",
      );
      last = open.map(({ id, jet, state }) => `${id} of ${jet ?? ""} is ${state}`);
      return open.length === 0 ? true : undefined;
    },
    { withinMs: 60_000, everyMs: 200, lastSeen: () => last },
  );
}

test("while anything of the mesh runs, be it paused, it is refused, and the mesh goes on", async () => {
  await make("loop", "one");
  const refused = await runJm(mesh.url, ["--timeout", "1s", "reshard", "--to", "4"]);
  expect(refused.code).toBe(1);
  for (const who of [...SERVICES, "the presence of", "the lease of lifecycle-ticker"])
    expect(refused.output).toContain(who);
  mesh.of("gateway").signal("SIGSTOP");
  try {
    const paused = await runJm(mesh.url, ["--timeout", "1s", "reshard", "--to", "4"]);
    expect(paused.output).toContain("gateway");
  } finally {
    mesh.of("gateway").signal("SIGCONT");
  }
  expect((await client.meshNames()).shards).toBe(1);
  expect(await client.request("jet.trigger", { jet: "one", action: "turn", wait: true })).toMatchObject({
    outcome: "SUCCESS",
  });
}, 60_000);

let before: Map<string, Held>;
test("with its services stopped everything is carried over, each record once, with what is left of its TTL", async () => {
  for (let n = 0; n < 12; n += 1) await make("loop", `jet${String(n)}`);
  // Destroyed: it has a TTL, and its name is free.
  await client.request("jet.trigger", { jet: "jet0", action: "remove", wait: true });
  // Applied, so written once: it does not know its incarnation.
  await applyDocuments(client, [
    { apiVersion: "jetmesh/v1", kind: "Jet", reference: "applied", name: "applied", template: "loop" },
  ]);
  await make("waits", "waits1");
  await make("sleeps", "sleeps1");
  await make("held", "held1");
  await client.request("jet.trigger", { jet: "waits1", action: "turn" });
  for (const key of ["a", "b"])
    await client.request("jet.trigger", { jet: "waits1", action: "turn", key, onBusy: "queue" });
  await client.request("jet.trigger", { jet: "sleeps1", action: "turn" });
  await client.request("jet.trigger", { jet: "held1", action: "turn" });
  await eventually("the three to be as far as they get", () =>
    ran().includes("waits1 before") && ran().includes("held1 held") ? true : undefined,
  );
  await eventually("the first to wait", async () =>
    (await allActions(client.connection, client.names)).some(
      ({ jet, state }) => jet === "waits1" && state === "IN_PROGRESS",
    )
      ? true
      : undefined,
  );
  // One that closes soon.
  const { actions } = createMeshStore(client.connection, client.names, { dueAt, expiresAt });
  const closed = (await allActions(client.connection, client.names)).find(({ state }) => state === "CLOSED");
  if (closed === undefined) throw new Error("nothing is closed yet");
  const soon: ActionRecord = { ...closed, id: "00000000000000000000soon01" };
  await actions.put(soon.id, soon, { point: "action.close", ttlMs: GOES_MS });

  // The runner as by a power cut, so that its claim stays; the others as one stops them.
  await mesh.of("flight-plan-runner").kill();
  await Promise.all(running().map((service) => service.stop()));
  // What comes meanwhile waits in its stream.
  await client.publishTrigger("jet1", "turn", { messageId: "meanwhile" });

  before = await recordsOf(client.connection, 1);
  expect(before.get("jm_jets/applied")?.json["incarnation"]).toBe(0);
  expect([...before.values()].some(({ headers }) => "Jm-Runner" in headers)).toBe(true);
  const done = await runJm(mesh.url, ["--json", "reshard", "--to", "4"]);
  expect(done.code, done.output).toBe(0);
  const after = await recordsOf(client.connection, 4);
  expect(differences(before, after)).toEqual([]);
  expect(after.get("jm_jets/applied")?.json["incarnation"]).toBe(before.get("jm_jets/applied")?.revision);
  const report = JSON.parse(done.output) as { hops: { jets: { lasting: number; passing: number } }[] };
  // 12 less the one that is destroyed, and one, applied, waits1, sleeps1, held1.
  expect(report.hops[0]?.jets).toEqual({ lasting: 16, passing: 1 });
  const streams = (await client.connection.jsm.streams.names().next()).filter((name) =>
    /jets|actions|steps/.test(name),
  );
  expect(streams).toHaveLength(12);
}, 120_000);

test("then its services go on as if nothing had been: what was open ends, what waits has its turn, each step once", async () => {
  await startAll({}, 4);
  await quiet();
  expect(ran()).toEqual(
    [
      "one turned",
      "jet1 turned",
      // Its runner was killed in it, and it may run again.
      ...["held1 held", "held1 held"],
      "sleeps1 late",
      ...["waits1 before", "waits1 before", "waits1 before"],
      ...["waits1 after", "waits1 after", "waits1 after"],
    ].toSorted(),
  );
  for (const jet of ["waits1", "sleeps1", "held1", "jet1"]) {
    const record = await stateOf(jet);
    expect(record).toMatchObject({ state: "resting", queue: [], last: { outcome: "SUCCESS" } });
    expect(record.open).toBeUndefined();
  }
}, 120_000);

test("jets are made, moved, destroyed and made again, and nothing of a former life is taken for theirs", async () => {
  await make("loop", "jet0");
  const again = await stateOf("jet0");
  expect(again.incarnation).toBeGreaterThan(
    Math.max(...[...before.values()].map(({ revision }) => revision)),
  );
  await make("loop", "another");
  const replies = await Promise.all(
    ["jet0", "jet5", "another"].map((jet) =>
      client.request<{ outcome: string }>("jet.trigger", { jet, action: "turn", wait: true }),
    ),
  );
  expect(replies.map(({ outcome }) => outcome)).toEqual(["SUCCESS", "SUCCESS", "SUCCESS"]);
  // The same message once more: it is known.
  const count = ran().length;
  await client.publishTrigger("jet1", "turn", { messageId: "meanwhile" });
  await client.request("jet.trigger", { jet: "jet1", action: "turn", wait: true });
  await quiet();
  expect(ran().length).toBe(count + 1);
}, 60_000);

test("closed actions can be read, and go when their time is over and not before", async () => {
  const [key = ""] = [...before.keys()].filter((one) => one.startsWith("jm_actions/"));
  const id = key.slice("jm_actions/".length);
  expect(await client.request("action.get", { id })).toMatchObject({ id });
  const { actions } = createMeshStore(client.connection, client.names);
  const goes = before.get("jm_actions/00000000000000000000soon01")?.expiresAt ?? 0;
  const seen = { at: 0 };
  await eventually(
    "the record to go by itself",
    async () => {
      seen.at = Date.now();
      return (await actions.get("00000000000000000000soon01")).kind === "record" ? undefined : true;
    },
    { withinMs: GOES_MS + 10_000, everyMs: 250 },
  );
  expect(seen.at).toBeGreaterThan(goes - 1_000);
  expect(seen.at).toBeLessThan(goes + 15_000);
}, 120_000);

test("and back to one: everything is there, and works", async () => {
  await Promise.all(running().map((service) => service.stop()));
  const was = await recordsOf(client.connection, 4);
  const done = await runJm(mesh.url, ["reshard", "--to", "1"]);
  expect(done.code, done.output).toBe(0);
  expect(differences(was, await recordsOf(client.connection, 1))).toEqual([]);
  await startAll({ JM_SHARDS: "1" }, 1);
  const list = await client.request<{ items: JetRecord[] }>("jet.list", { limit: 100 });
  expect(list.items).toHaveLength(18);
  expect(await client.request("jet.trigger", { jet: "jet7", action: "turn", wait: true })).toMatchObject({
    outcome: "SUCCESS",
  });
}, 90_000);
