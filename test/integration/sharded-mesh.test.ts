// A whole mesh whose jets and actions lie in four streams each (ADR 0020): what it does is what it does with one.
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import { createNames, shardOf } from "@jetmesh/protocol";
import { createMeshStore, readMesh } from "@jetmesh/storage";
import {
  allActions,
  allHistory,
  allJets,
  applyDocuments,
  eventually,
  loopDocuments,
  startMesh,
  type TestMesh,
  userDocument,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ROOT } from "../support/repository.ts";

const SHARDS = 4;
const JETS = Array.from({ length: 24 }, (_, n) => `jet${String(n)}`);
const dir = mkdtempSync(join(tmpdir(), "jm-shards-"));
const ranFile = join(dir, "ran");

let mesh: TestMesh;
let client: MeshClient;
beforeAll(async () => {
  mesh = await startMesh({
    env: { JM_SHARDS: String(SHARDS) },
    services: { "flight-plan-runner": 2, "state-store": 2 },
  });
  client = await mesh.client();
  await applyDocuments(client, [
    ...loopDocuments([{ shell: `echo "$JM_ACTION_ID $JM_ATTEMPT" >> ${ranFile}` }]),
    userDocument("alice", "user"),
  ]);
  await Promise.all(
    JETS.map((reference, n) =>
      client.request("jet.create", {
        template: "loop",
        reference,
        users: n % 3 === 0 ? ["alice"] : [],
        wait: true,
      }),
    ),
  );
}, 90_000);
afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

const ran = (): string[] => readFileSync(ranFile, "utf8").trim().split("\n");

async function quiet(closed: number): Promise<void> {
  await eventually(
    `${String(closed)} closed actions`,
    async () => {
      const actions = await allActions(client.connection, client.names);
      return actions.length === closed && actions.every(({ state }) => state === "CLOSED") ? true : undefined;
    },
    { withinMs: 30_000, everyMs: 100 },
  );
}

interface Listed {
  readonly reference?: string;
  readonly id?: string;
}

/** All pages one after another, as a client asks for them. */
async function pages(
  by: MeshClient,
  endpoint: "jet.list" | "action.list",
  limit: number,
): Promise<{ items: Listed[]; cursors: string[] }> {
  const items: Listed[] = [];
  const cursors: string[] = [];
  for (let cursor: string | undefined; ; cursors.push(cursor)) {
    const page = await by.request<{ items: Listed[]; cursor?: string }>(endpoint, {
      limit,
      ...(cursor === undefined ? {} : { cursor }),
    });
    expect(page.items.length).toBeLessThanOrEqual(limit);
    items.push(...page.items);
    ({ cursor } = page);
    if (cursor === undefined) return { items, cursors };
  }
}

function jm(...args: string[]): {
  readonly ended: Promise<{ code: number | null; output: string }>;
  output(): string;
  stop(): void;
} {
  const child = spawn(
    process.execPath,
    [join(ROOT, "packages/cli/src/main.ts"), "--url", mesh.url, ...args],
    {
      env: { PATH: process.env["PATH"] ?? "" },
    },
  );
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  return {
    ended: new Promise((resolve) => child.once("close", (code) => resolve({ code, output }))),
    output: () => output,
    stop: () => child.kill("SIGTERM"),
  };
}

test("the broker has four streams for each, and says so to whoever asks; none of one shard is there", async () => {
  expect((await readMesh(client.connection, createNames()))?.record).toEqual({ v: 1, shards: SHARDS });
  expect((await client.meshNames()).shards).toBe(SHARDS);
  const streams = (await client.connection.jsm.streams.names().next()).filter((name) =>
    /jets|actions/.test(name),
  );
  expect(streams.toSorted()).toEqual(
    [0, 1, 2, 3].flatMap((n) => [`KV_jm_actions_${String(n)}`, `KV_jm_jets_${String(n)}`]).toSorted(),
  );
});

test("each jet lies in the shard that its name says, and so does each action", async () => {
  const { connection, names } = client;
  const keys = [
    ...(await allJets(connection, names)).map(({ reference }) => [names.buckets.jets, reference] as const),
    ...(await allActions(connection, names)).map(({ id }) => [names.buckets.actions, id] as const),
  ];
  expect(keys.length).toBe(2 * JETS.length);
  const used = new Set<string>();
  for (const [bucket, key] of keys) {
    const one = `${bucket}_${String(shardOf(key, SHARDS))}`;
    used.add(one);
    const found = await connection.jsm.streams.getMessage(`KV_${one}`, { last_by_subj: `$KV.${one}.${key}` });
    expect(found?.subject).toBe(`$KV.${one}.${key}`);
  }
  expect(used.size).toBe(2 * SHARDS);
});

test("triggers by the API and by the stream run each once, on jets of every shard, and all come to rest", async () => {
  const replies = await Promise.all(
    JETS.map((jet) =>
      client.request<{ outcome: string; state: string }>("jet.trigger", { jet, action: "turn", wait: true }),
    ),
  );
  expect(replies.map(({ outcome, state }) => `${outcome} ${state}`)).toEqual(
    JETS.map(() => "SUCCESS resting"),
  );
  await Promise.all(
    JETS.flatMap((jet) => [
      client.publishTrigger(jet, "turn", { onBusy: "queue", messageId: `${jet}-first` }),
      client.publishTrigger(jet, "turn", { onBusy: "queue", messageId: `${jet}-second` }),
      client.publishTrigger(jet, "turn", { onBusy: "queue", messageId: `${jet}-first` }),
    ]),
  );
  await quiet(4 * JETS.length);
  expect(ran()).toHaveLength(3 * JETS.length);
  expect(new Set(ran()).size).toBe(3 * JETS.length);
  const jets = await allJets(client.connection, client.names);
  expect(jets.map(({ state, open, queue }) => ({ state, open, queue }))).toEqual(
    JETS.map(() => ({ state: "resting", open: undefined, queue: [] })),
  );
  const closed = (await allHistory(client.connection, client.names)).filter(({ what }) => what === "closed");
  expect(new Set(closed.map(({ id }) => id)).size).toBe(4 * JETS.length);
  expect(closed).toHaveLength(4 * JETS.length);
});

test.each([1, 5, 100])("lists by pages of %i show everything once", async (limit) => {
  const jets = await pages(client, "jet.list", limit);
  expect(jets.items.map(({ reference }) => reference).toSorted()).toEqual(JETS.toSorted());
  const actions = await pages(client, "action.list", Math.max(7, limit));
  const all = await allActions(client.connection, client.names);
  expect(actions.items.map(({ id }) => id).toSorted()).toEqual(all.map(({ id }) => id).toSorted());
});

test("a cursor that was never given out, or by a mesh of one shard, is refused", async () => {
  const { cursors } = await pages(client, "jet.list", 5);
  expect(cursors.length).toBeGreaterThan(3);
  for (const cursor of ["57", "4.4.1", "2.1.57", "4.-1.3", "x"]) {
    await expect(client.request("jet.list", { cursor })).rejects.toMatchObject({ code: "invalid_request" });
  }
});

test("a user sees the jets of every shard that are hers, and no others", async () => {
  const alice = await mesh.client("alice");
  const hers = await pages(alice, "jet.list", 3);
  expect(hers.items.map(({ reference }) => reference).toSorted()).toEqual(
    JETS.filter((_, n) => n % 3 === 0).toSorted(),
  );
  await expect(alice.request("jet.get", { reference: "jet1" })).rejects.toMatchObject({
    code: "unknown_jet",
  });
  expect(await alice.request("jet.trigger", { jet: "jet3", action: "turn", wait: true })).toMatchObject({
    outcome: "SUCCESS",
  });
});

test("watch prints what happens to jets of every shard", async () => {
  const watch = jm("--json", "watch");
  // Whoever is there when it begins is known by a change that it prints.
  await eventually(
    "a change to be printed",
    async () => {
      await client.request("jet.trigger", { jet: "jet0", action: "turn", wait: true });
      return watch.output().includes('"jet0"') ? true : undefined;
    },
    { withinMs: 20_000, everyMs: 200, lastSeen: () => watch.output() },
  );
  await Promise.all(JETS.map((jet) => client.request("jet.trigger", { jet, action: "turn", wait: true })));
  const seen = (): string[] =>
    JETS.filter((jet) =>
      watch
        .output()
        .split("\n")
        .some((line) => line.includes(`"jet":"${jet}"`) && line.includes('"to":"resting"')),
    );
  await eventually("every jet to be seen at rest", () => (seen().length === JETS.length ? true : undefined), {
    lastSeen: () => seen().length,
  });
  watch.stop();
  expect((await watch.ended).code).toBe(0);
});

test("who waits for an action sees it go its way, whichever shards it and its jet lie in", async () => {
  for (const jet of ["jet3", "jet4", "jet5"]) {
    const { code, output } = await jm("jet", "trigger", jet, "turn", "--wait").ended;
    expect(code, output).toBe(0);
    expect(output).toMatch(new RegExp(`${jet} .*resting.*moving[^]*${jet} .*moving.*resting`));
  }
}, 30_000);

test("a jet that is destroyed and made again is another one, in the same shard", async () => {
  const store = createMeshStore(client.connection, client.names);
  const incarnation = async (): Promise<number> => {
    const stored = await store.jets.get("phoenix");
    return stored.kind === "record" ? stored.value.incarnation : 0;
  };
  await client.request("jet.create", { template: "loop", reference: "phoenix", wait: true });
  const first = await incarnation();
  await client.request("jet.trigger", { jet: "phoenix", action: "remove", wait: true });
  await expect(client.request("jet.get", { reference: "phoenix" })).rejects.toMatchObject({
    code: "unknown_jet",
  });
  await client.request("jet.create", { template: "loop", reference: "phoenix", wait: true });
  expect(first).toBeGreaterThan(0);
  expect(await incarnation()).toBeGreaterThan(first);
});

test("doctor finds it well, says how many shards there are, and counts each", async () => {
  const { code, output } = await jm("--json", "doctor").ended;
  const { findings } = JSON.parse(output) as { findings: { check: string; status: string; found: string }[] };
  expect(code, output).toBe(0);
  expect(findings).toContainEqual({
    check: "shards",
    status: "ok",
    found: "jets and actions lie in 4 streams each",
  });
  const counted = findings.filter(
    ({ check, found }) => check === "records" && /KV_jm_(jets|actions)_\d has \d+$/.test(found),
  );
  expect(counted).toHaveLength(2 * SHARDS);
});

test.each(["state-store", "gateway", "flight-plan-runner"] as const)(
  "a %s that is told another number does not start, and says why",
  async (service) => {
    await expect(mesh.start(service, { JM_SHARDS: "2" })).rejects.toThrow(
      /ended with 1:[^]*the mesh has 4 shards and JM_SHARDS says 2: leave it out, or stop all services and run `jm reshard --to 2`/,
    );
  },
  30_000,
);

test("one that is told none takes what the mesh has", async () => {
  for (const service of ["state-store", "flight-plan-runner"] as const) {
    const started = await mesh.start(service, { JM_SHARDS: "" });
    await started.stop();
  }
  const streams = await client.connection.jsm.streams.names().next();
  expect(streams.filter((name) => name === "KV_jm_jets" || name === "KV_jm_actions")).toEqual([]);
}, 30_000);
