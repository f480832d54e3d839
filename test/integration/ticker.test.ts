import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord, Health } from "@jetmesh/protocol";
import { writeRepeatable } from "@jetmesh/storage";
import {
  allActions,
  applyDocuments,
  eventually,
  loopDocuments,
  planDocument,
  startMesh,
  type TestMesh,
  type TestService,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

const dir = mkdtempSync(join(tmpdir(), "jm-ticker-"));
const file = join(dir, "ran");
const gate = join(dir, "gate");
let mesh: TestMesh;
let client: MeshClient;

beforeAll(async () => {
  writeFileSync(file, "");
  // A lease that is over soon, so that the other leads within a test.
  mesh = await startMesh({ services: { "lifecycle-ticker": 2 }, env: { JM_LEASE_TTL_MS: "2000" } });
  client = await mesh.client();
  const say = (step: string): string => `echo "$JM_ACTION_ID ${step}" >> ${file}`;
  const [held, flaky] = [
    { reference: "hold", name: "Hold", plan: "held" },
    { reference: "fail", name: "Fail", plan: "flaky", repeat: { error: 1, success: 0, backoff: "2s" } },
  ].map((one) => ({
    accessLevel: "user",
    from: "resting",
    transit: "moving",
    to: "resting",
    error: "resting",
    ...one,
  }));
  const documents = loopDocuments([{ shell: say("first") }, { wait: "1500ms" }, { shell: say("last") }]);
  await applyDocuments(client, [
    planDocument("held", [{ shell: `${say("held")}; until test -e ${gate}; do sleep 0.05; done` }]),
    planDocument("flaky", [{ shell: `${say("failed")}; false` }]),
    ...documents.map((one) =>
      one["kind"] === "Template" ? { ...one, actions: [...(one["actions"] as unknown[]), held, flaky] } : one,
    ),
  ]);
  for (const reference of ["one", "two", "three", "four"])
    await client.request("jet.create", { template: "loop", reference, wait: true });
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

const ran = (id: string): string[] =>
  readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line.startsWith(id))
    .map((line) => line.split(" ")[1] ?? "");
const trigger = async (jet: string, action: string): Promise<string> =>
  (await client.request<{ actionId: string }>("jet.trigger", { jet, action })).actionId;
const record = (id: string): Promise<ActionRecord> => client.request<ActionRecord>("action.get", { id });
const inState = (id: string, state: string): Promise<ActionRecord> =>
  eventually(
    `action ${id} to be ${state}`,
    async () => {
      const now = await record(id);
      return now.state === state ? now : undefined;
    },
    { withinMs: 20_000 },
  );
const tick = (id: string): Promise<number> =>
  writeRepeatable(client.connection, client.names.resume.of("default", id), JSON.stringify({ v: 1, id }), {
    point: "resume.tick",
  });
const hintsTaken = (): Promise<unknown> =>
  eventually("every hint to be taken", async () =>
    (await client.connection.jsm.streams.info("JM_RESUME")).state.messages === 0 ? true : undefined,
  );

/** What each ticker says of itself; one that is stopped says nothing. */
async function leaders(): Promise<string[]> {
  const found: string[] = [];
  const subject = client.names.svc.of("lifecycle-ticker", "health");
  const replies = await client.connection.nc.requestMany(subject, "", { maxWait: 400 });
  for await (const reply of replies) {
    const health = reply.json<Health>();
    if (health.details?.["isLeader"] === true) found.push(health.instance);
  }
  return found;
}
async function leader(not?: TestService): Promise<TestService> {
  const instance = await eventually(
    "one ticker to lead",
    async () => {
      const found = (await leaders()).filter((one) => one !== not?.instance);
      return found.length === 1 ? found[0] : undefined;
    },
    { withinMs: 15_000 },
  );
  const service = mesh.services.find((one) => one.instance === instance);
  if (service === undefined) throw new Error(`nobody is ${instance}`);
  return service;
}

test("one of two leads; when it is killed the other does, and what falls due is resumed", async () => {
  const first = await leader();
  const id = await trigger("one", "turn");
  await inState(id, "IN_PROGRESS");
  await first.kill();
  expect((await leader(first)).instance).not.toBe(first.instance);
  expect(await inState(id, "CLOSED")).toMatchObject({ outcome: "SUCCESS", attempt: 2 });
  expect(ran(id)).toEqual(["first", "last"]);
  await mesh.start("lifecycle-ticker");
});

test("one that was stopped past its lease steps down when it goes on, and two that believe to lead harm nothing", async () => {
  const first = await leader();
  first.signal("SIGSTOP");
  const second = await leader(first);
  const ids = await Promise.all(["one", "two", "three"].map((jet) => trigger(jet, "turn")));
  await Promise.all(ids.map((id) => inState(id, "IN_PROGRESS")));
  first.signal("SIGCONT");
  for (const id of ids) {
    expect(await inState(id, "CLOSED")).toMatchObject({ outcome: "SUCCESS", attempt: 2 });
    expect(ran(id)).toEqual(["first", "last"]);
  }
  await eventually("the first to have stepped down", async () => {
    const found = await leaders();
    return found.length === 1 && found[0] === second.instance ? true : undefined;
  });
});

test("an early tick changes nothing: not before a wait is over, not before a repeat, not while a runner holds it", async () => {
  rmSync(gate, { force: true });
  const [waits, repeats, holds] = [
    await trigger("one", "turn"),
    await trigger("two", "fail"),
    await trigger("three", "hold"),
  ];
  const early = [
    await inState(waits, "IN_PROGRESS"),
    await eventually("the first failure", async () => {
      const now = await record(repeats);
      return now.attempt === 2 && now.state === "SLEEPING" ? now : undefined;
    }),
    await eventually("it to be held", async () => (ran(holds).length === 1 ? record(holds) : undefined)),
  ];
  for (let times = 0; times < 5; times += 1) await Promise.all(early.map(({ id }) => tick(id)));
  await hintsTaken();
  for (const before of early) expect((await record(before.id)).transitions).toEqual(before.transitions);
  writeFileSync(gate, "");
  expect(await inState(waits, "CLOSED")).toMatchObject({ attempt: 2, outcome: "SUCCESS" });
  expect(await inState(repeats, "CLOSED")).toMatchObject({ attempt: 2, outcome: "ERROR" });
  expect(await inState(holds, "CLOSED")).toMatchObject({ attempt: 1, outcome: "SUCCESS" });
  expect([ran(waits), ran(repeats), ran(holds)]).toEqual([["first", "last"], ["failed", "failed"], ["held"]]);
});

test("two hundred ticks at once for one that is due begin it once, and ticks for one that is closed nothing", async () => {
  const id = await trigger("four", "turn");
  const { timers } = await inState(id, "IN_PROGRESS");
  await eventually("it to be due", () => (Date.now() >= Date.parse(timers.watchAt ?? "") ? true : undefined));
  await Promise.all(Array.from({ length: 200 }, () => tick(id)));
  const closed = await inState(id, "CLOSED");
  expect(closed).toMatchObject({ outcome: "SUCCESS", attempt: 2 });
  await Promise.all(Array.from({ length: 20 }, () => tick(id)));
  await hintsTaken();
  expect(ran(id)).toEqual(["first", "last"]);
  expect(await record(id)).toEqual(closed);
});

test("a late tick resumes as well: an action that fell due while there was no ticker", async () => {
  const tickers = mesh.services.filter((one) => one.name === "lifecycle-ticker" && one.isRunning());
  await Promise.all(tickers.map((one) => one.kill()));
  const id = await trigger("four", "turn");
  const { timers } = await inState(id, "IN_PROGRESS");
  await eventually("it to be due", () =>
    Date.now() > Date.parse(timers.watchAt ?? "") + 500 ? true : undefined,
  );
  expect((await record(id)).state).toBe("IN_PROGRESS");
  const before = (await client.connection.jsm.streams.info("KV_jm_actions")).state.last_seq;
  await mesh.start("lifecycle-ticker");
  expect(await inState(id, "CLOSED")).toMatchObject({ outcome: "SUCCESS" });
  expect(ran(id)).toEqual(["first", "last"]);
  // Asked, slept, claimed, ended, closed: whatever was written, the ticker was not it.
  expect(
    (await client.connection.jsm.streams.info("KV_jm_actions")).state.last_seq - before,
  ).toBeLessThanOrEqual(5);
  expect((await allActions(client.connection, client.names)).every(({ state }) => state === "CLOSED")).toBe(
    true,
  );
});
