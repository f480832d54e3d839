import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord } from "@jetmesh/protocol";
import { parseJson } from "@jetmesh/storage";
import {
  allActions,
  applyDocuments,
  eventually,
  loopDocuments,
  startMesh,
  type TestMesh,
  writesSoFar,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

/** An action is offered to a runner before it is written (ADR 0024). */
const dir = mkdtempSync(join(tmpdir(), "jm-offers-"));
const file = join(dir, "ran");
let mesh: TestMesh;
let client: MeshClient;

beforeAll(async () => {
  writeFileSync(file, "");
  mesh = await startMesh({ services: { "flight-plan-runner": 0 } });
  client = await mesh.client();
  await applyDocuments(client, loopDocuments([{ shell: `echo "$JM_JET" >> ${file}` }]));
  const jets = ["early", "quick", "full0", "full1", "full2", "frozen"];
  await Promise.all(
    jets.map((reference) => client.request("jet.create", { template: "loop", reference, wait: true })),
  );
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

const runs = (jet: string): number =>
  readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line === jet).length;
const turn = (jet: string, wait = true): Promise<{ actionId: string }> =>
  client.request("jet.trigger", { jet, action: "turn", wait });
const resumesSoFar = async (): Promise<number> =>
  (await client.connection.jsm.streams.info("JM_RESUME")).state.last_seq;
const stateOf = async (id: string): Promise<string | undefined> =>
  (await allActions(client.connection, client.names)).find((action) => action.id === id)?.state;

test("where no runner is, an action waits in its stream until one comes", async () => {
  const { actionId } = await turn("early", false);
  expect(await stateOf(actionId)).toBe("SLEEPING");
  expect(await resumesSoFar()).toBe(1);
  const runner = await mesh.start("flight-plan-runner");
  await eventually(
    "the action to have run",
    async () => ((await stateOf(actionId)) === "CLOSED" ? true : undefined),
    { withinMs: 20_000 },
  );
  expect(runs("early")).toBe(1);
  await runner.stop();
});

test("one that a runner has room for is made by its claim, with six writes in all and no resume", async () => {
  const runner = await mesh.start("flight-plan-runner");
  const closed = (): Promise<unknown> =>
    eventually("every action to be closed", async () =>
      (await allActions(client.connection, client.names)).every(({ state }) => state === "CLOSED")
        ? true
        : undefined,
    );
  await closed();
  const [writes, resumes] = [await writesSoFar(client.connection, client.names), await resumesSoFar()];
  for (let n = 0; n < 10; n += 1) await turn("quick");
  await closed();
  expect((await writesSoFar(client.connection, client.names)) - writes).toBe(60);
  expect(await resumesSoFar()).toBe(resumes);
  expect(runs("quick")).toBe(10);
  await runner.stop();
});

test("one that has room for no more is passed over, and what waits goes first when there is room again", async () => {
  const runner = await mesh.start("flight-plan-runner", { JM_CONCURRENCY: "1" });
  await applyDocuments(client, loopDocuments([{ shell: `sleep 0.3; echo "$JM_JET" >> ${file}` }]));
  const jets = ["full0", "full1", "full2"];
  const before = await resumesSoFar();
  await Promise.all(jets.map((jet) => turn(jet)));
  expect(jets.map(runs)).toEqual([1, 1, 1]);
  expect((await resumesSoFar()) - before).toBe(2);
  await runner.stop();
});

test("a runner that stands still with an offer in its hands runs nothing that another has run meanwhile", async () => {
  await applyDocuments(client, loopDocuments([{ shell: `echo "$JM_JET" >> ${file}` }]));
  const frozen = await mesh.start("flight-plan-runner", {
    JM_FAULTS: "action.claim/before=pause~frozen",
  });
  const turned = turn("frozen");
  await eventually("the runner to stand still", () => frozen.isStopped() || undefined, { withinMs: 20_000 });
  const other = await mesh.start("flight-plan-runner");
  await turned;
  frozen.signal("SIGCONT");
  // It goes on where it stood: it would claim, finds the action there, and takes what comes next like anybody.
  await eventually("it to answer again", async () =>
    (
      await client.connection.nc.request(
        `jm.svc.runner.${frozen.instance.replace("flight-plan-runner", "runner")}.ping`,
      )
    ).data.length > 0
      ? true
      : undefined,
  );
  await other.stop();
  await turn("frozen");
  expect(runs("frozen")).toBe(2);
  await frozen.stop();
});

test("an offer that was on its way for too long is refused, and one that is none as well", async () => {
  const runner = await mesh.start("flight-plan-runner");
  const [old] = await allActions(client.connection, client.names);
  if (old === undefined) throw new Error("there is no action to take as a pattern");
  const offer = async (body: unknown): Promise<unknown> =>
    parseJson(
      (
        await client.connection.nc.request("jm.svc.pool.default.offer", JSON.stringify(body), {
          timeout: 5_000,
        })
      ).data,
    );
  const { claim: _, outcome: __, ...rest } = old;
  const record: Partial<ActionRecord> = {
    ...rest,
    id: "0123456789abcdef01234567",
    state: "SLEEPING",
    createdAt: new Date(Date.now() - 60_000).toISOString(),
  };
  expect(await offer({ v: 1, from: "me", record })).toEqual({ v: 1, taken: false });
  expect(await offer({ v: 1, record: { id: 7 } })).toEqual({ v: 1, taken: false });
  expect(await stateOf("0123456789abcdef01234567")).toBeUndefined();
  await runner.stop();
});
