import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { CreatedAction } from "@jetmesh/protocol";
import { eventually, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { linesOf } from "../support/lines-of.ts";
import { runsOf } from "../support/runs.ts";

/** What is asked for begins and ends by being told, and nobody looks for work: counted in messages, by the broker's own figures. */
const PROGRAM = join(import.meta.dirname, "../support/scripted-runner.ts");
const dir = mkdtempSync(join(tmpdir(), "jm-quiet-"));
let mesh: TestMesh;
let client: MeshClient;

beforeAll(async () => {
  const extraConfig = `http: "127.0.0.1:-1"\nports_file_dir: "${dir}"`;
  mesh = await startMesh({
    server: { extraConfig },
    services: { "lifecycle-ticker": 0, "flight-plan-runner": 0 },
    env: { JM_LEASE_TTL_MS: "2000" },
  });
  client = await mesh.client();
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

interface Connz {
  readonly connections: readonly { readonly name?: string; readonly in_msgs: number }[];
}
/** What the broker says of itself. */
async function figures<T>(path: string): Promise<T> {
  const file = readdirSync(dir).find((name) => name.endsWith(".ports")) ?? "";
  const { monitoring } = JSON.parse(readFileSync(join(dir, file), "utf8")) as { monitoring: string[] };
  return (await (await fetch(`${monitoring[0] ?? ""}${path}`)).json()) as T;
}
const messagesIn = async (): Promise<number> => (await figures<{ in_msgs: number }>("/varz")).in_msgs;
const resumesSoFar = async (): Promise<number> =>
  (await client.connection.jsm.streams.info(client.names.streams.resume)).state.last_seq;
const { get, make, ended } = runsOf(() => client);
const run = (file: string): Promise<CreatedAction> =>
  client.request<CreatedAction>("action.create", {
    ...{ kind: "scripted", argument: { file: join(dir, file) }, wait: true },
    // A gateway looks for itself only after some seconds: too late for who waits for one.
    timeoutMs: 1_000,
  });

test("W1 an action begins by what asked for it and its caller is told of its end: nobody looks, nor is there a ticker", async () => {
  await mesh.startRunner(PROGRAM);
  const before = await resumesSoFar();
  for (let n = 0; n < 20; n += 1) expect(await run("begins")).toMatchObject({ outcome: "SUCCESS" });
  expect(await resumesSoFar()).toBe(before);
  expect(linesOf(join(dir, "begins")).filter((line) => line.startsWith("main "))).toHaveLength(20);
  expect(mesh.logs()).not.toMatch(/that was left|what was left/);
});

test("W10 however many runners wait for work, an action is offered to one of them, and costs the broker as many messages", async () => {
  const ACTIONS = 60;
  const costOf = async (file: string): Promise<number> => {
    const before = await messagesIn();
    for (let n = 0; n < ACTIONS; n += 1) await run(file);
    return ((await messagesIn()) - before) / ACTIONS;
  };
  await costOf("warm");
  const withOne = await costOf("one");
  await Promise.all(Array.from({ length: 4 }, () => mesh.startRunner(PROGRAM)));
  const withFive = await costOf("five");
  // A race of five for each would be four lost claims more, or two messages for each of those who look.
  expect({ withOne, withFive, isMore: withFive > withOne + 3 }).toEqual({ withOne, withFive, isMore: false });
  const runs = linesOf(join(dir, "five")).filter((line) => line.startsWith("main "));
  expect(runs).toHaveLength(ACTIONS);
  expect(new Set(runs.map((line) => line.split(" ")[2])).size).toBeGreaterThan(1);
});

test("W4 a main that hangs and does not listen gives its place back also where no ticker has others look", async () => {
  const pool = "hung";
  await mesh.startRunner(PROGRAM, { JM_POOLS: pool, JM_CONCURRENCY: "1" });
  const hung = await make(
    "unwatched",
    { file: join(dir, "hung"), main: ["for ever"] },
    { pool, delays: { main: 300 } },
  );
  const waiting = await make("scripted", { file: join(dir, "waiting") }, { pool });
  expect(await ended(hung)).toMatchObject({ error: { code: "main_timeout" } });
  expect(await ended(waiting)).toMatchObject({ outcome: "SUCCESS" });
});

test("W19 what waits for its time is not looked for: a ticker asks as little with three hundred as with none", async () => {
  const ticker = await mesh.start("lifecycle-ticker");
  const said = async (): Promise<number> => {
    const { connections } = await figures<Connz>("/connz?limit=1000");
    const own = connections.filter(({ name }) => name === ticker.name);
    expect(own).toHaveLength(1);
    return own[0]?.in_msgs ?? 0;
  };
  const lease = async (): Promise<number> =>
    (
      await client.connection.jsm.streams.getMessage("KV_jm_leases", {
        last_by_subj: "$KV.jm_leases.lifecycle-ticker",
      })
    )?.seq ?? 0;
  const renewed = async (): Promise<void> => {
    const last = await lease();
    await eventually("its lease to be renewed", async () => ((await lease()) > last ? true : undefined));
  };
  /** What the ticker says to the broker while it renews its lease so often: twenty ticks a second go by. */
  const RENEWALS = 8;
  const whileRenewed = async (): Promise<number> => {
    await renewed();
    const before = await said();
    for (let n = 0; n < RENEWALS; n += 1) await renewed();
    return (await said()) - before;
  };
  const withNone = await whileRenewed();
  const notBefore = new Date(Date.now() + 86_400_000).toISOString();
  const argument = { file: join(dir, "never") };
  const asked = Array.from({ length: 300 }, () =>
    client.request<CreatedAction>("action.create", { kind: "scripted", argument, notBefore }),
  );
  const made = await Promise.all(asked);
  await eventually("the ticker to know of them", async () => {
    const { connection, names } = client;
    const subject = names.svc.of("lifecycle-ticker", "health");
    const health = (await connection.nc.request(subject)).json<{ details: { scheduled: number } }>();
    return health.details.scheduled >= 300 ? true : undefined;
  });
  const withMany = await whileRenewed();
  expect({ withNone, withMany, isMore: withMany > withNone + RENEWALS }).toEqual({
    withNone,
    withMany,
    isMore: false,
  });
  expect(await get(made[0]?.actionId ?? "")).toMatchObject({ state: "SLEEPING" });
});
