import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import {
  allActions,
  allHistory,
  allJets,
  applyDocuments,
  eventually,
  loopDocuments,
  startMesh,
  writesSoFar,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";

const JETS = 50;
const jets = Array.from({ length: JETS }, (_, n) => `jet${String(n)}`);
const dir = mkdtempSync(join(tmpdir(), "jm-once-"));
const ranFile = join(dir, "ran");

let mesh: Awaited<ReturnType<typeof startMesh>>;
let client: MeshClient;

beforeAll(async () => {
  mesh = await startMesh({ services: { "flight-plan-runner": 3 } });
  client = await mesh.client();
  await applyDocuments(client, loopDocuments([{ shell: `echo "$JM_ACTION_ID $JM_ATTEMPT" >> ${ranFile}` }]));
  await Promise.all(
    jets.map((reference) => client.request("jet.create", { template: "loop", reference, wait: true })),
  );
  await quiet(JETS);
}, 60_000);

afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** Everything that was begun is closed: the last of an action's writes is made. */
async function quiet(closed: number): Promise<void> {
  let last = "";
  await eventually(
    `${String(closed)} closed actions`,
    async () => {
      const actions = await allActions(client.connection, client.names);
      last = `${String(actions.length)} actions, ${String(actions.filter(({ state }) => state === "CLOSED").length)} closed`;
      return actions.length === closed && actions.every(({ state }) => state === "CLOSED") ? true : undefined;
    },
    { withinMs: 30_000, everyMs: 100, lastSeen: () => last },
  );
}

const ran = (): string[] => readFileSync(ranFile, "utf8").trim().split("\n");

test("a hundred triggers by the API over three runners: each main runs once, at most 8 writes an action", async () => {
  const before = await writesSoFar(client.connection, client.names);
  for (let round = 0; round < 2; round += 1) {
    const replies = await Promise.all(
      jets.map((jet) =>
        client.request<{ outcome: string; state: string }>("jet.trigger", {
          jet,
          action: "turn",
          wait: true,
        }),
      ),
    );
    expect(replies.map(({ outcome, state }) => `${outcome} ${state}`)).toEqual(
      jets.map(() => "SUCCESS resting"),
    );
  }
  await quiet(JETS + 100);
  const writes = (await writesSoFar(client.connection, client.names)) - before;
  expect(ran()).toHaveLength(100);
  expect(new Set(ran()).size).toBe(100);
  expect(writes / 100).toBeLessThanOrEqual(8);
});

test("a hundred triggers by the stream over three runners: each main runs once, at most 9 writes an action", async () => {
  const before = await writesSoFar(client.connection, client.names);
  for (let round = 0; round < 2; round += 1) {
    await Promise.all(jets.map((jet) => client.publishTrigger(jet, "turn", { argument: { round } })));
    await quiet(JETS + 100 + (round + 1) * JETS);
  }
  const writes = (await writesSoFar(client.connection, client.names)) - before;
  expect(ran()).toHaveLength(200);
  expect(new Set(ran()).size).toBe(200);
  expect(writes / 100).toBeLessThanOrEqual(9);
});

test("afterwards every jet rests, names no open action, and every end is in the history once", async () => {
  const found = await allJets(client.connection, client.names);
  expect(found.map(({ state, open, queue }) => ({ state, open, queue }))).toEqual(
    jets.map(() => ({ state: "resting", open: undefined, queue: [] })),
  );
  const history = await allHistory(client.connection, client.names);
  expect(history).toHaveLength(JETS + 200);
  expect(new Set(history.map(({ id }) => id)).size).toBe(JETS + 200);
  expect(history.every(({ outcome, what }) => what === "closed" && outcome === "SUCCESS")).toBe(true);
});

test("the work was shared: more than one runner executed", async () => {
  const ids = mesh.services
    .filter(({ name }) => name === "flight-plan-runner")
    .map(({ instance }) => instance);
  expect(ids).toHaveLength(3);
  const resumeInfo = await client.connection.jsm.streams.info(client.names.streams.resume);
  expect(resumeInfo.state.messages).toBe(0);
});
