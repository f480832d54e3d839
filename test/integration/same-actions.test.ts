import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import { type CreatedAction, IdentityRecord } from "@jetmesh/protocol";
import { allHistory, eventually, startMesh, type TestMesh } from "@jetmesh/testkit";
import type { StoredMsg } from "@nats-io/jetstream";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { linesOf } from "../support/lines-of.ts";
import { onlyWithFault } from "../support/required-jets.ts";
import { runsOf } from "../support/runs.ts";

/** Actions that are the same share one run (ADR 0034). */
const PROGRAM = join(import.meta.dirname, "../support/workflow-runner.ts");
const dir = mkdtempSync(join(tmpdir(), "jm-same-"));
const witness = join(dir, "witness");
let mesh: TestMesh;
let client: MeshClient;

beforeAll(async () => {
  mesh = await startMesh({ services: { "state-store": 2 } });
  client = await mesh.client();
  await mesh.startRunner(PROGRAM, { JM_WITNESS: witness });
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});
beforeEach(() => rmSync(witness, { force: true }));

type More = { wait?: boolean; key?: string };
const create = (kind: string, argument: object, more: More = { wait: true }): Promise<CreatedAction> =>
  client.request<CreatedAction>("action.create", { kind, argument, ...more });
const { make, get, until, ended, closed } = runsOf(() => client);
const runs = (): string[] => linesOf(witness);
const recordOfSame = async (id: string): Promise<StoredMsg | null> => {
  const { identity = "" } = await get(id);
  const last_by_subj = `$KV.jm_leases.${identity}`;
  return client.connection.jsm.streams.getMessage("KV_jm_leases", { last_by_subj });
};
/** How long the broker keeps the record of what an action is the same as; empty: for ever. */
const ttlOf = async (id: string): Promise<string | undefined> =>
  (await recordOfSame(id))?.header.get("Nats-TTL");

describe("A16 actions that are the same", () => {
  test("run once while one is open: each has its own id, and the one result, at once", async () => {
    const all = await Promise.all(
      Array.from({ length: 20 }, () => create("same", { name: "a", waitMs: 2_000 })),
    );
    expect(runs()).toEqual(["same a"]);
    expect(new Set(all.map(({ actionId }) => actionId)).size).toBe(20);
    const results = new Set(all.map(({ result }) => JSON.stringify(result)));
    expect(results.size).toBe(1);
    const ends = await Promise.all(all.map(async ({ actionId }) => (await get(actionId)).endedAt ?? ""));
    const [first = "", last = ""] = [ends.toSorted()[0], ends.toSorted().at(-1)];
    expect(Date.parse(last) - Date.parse(first)).toBeLessThan(2_000);
    await eventually("each in the history", async () => {
      const closed = (await allHistory(client.connection, client.names)).filter(
        ({ kind }) => kind === "same",
      );
      return closed.length === 20 ? true : undefined;
    });
  });

  test("run again when it is over, and beside others of another identity", async () => {
    const [one, two] = await Promise.all([create("same", { name: "b" }), create("same", { name: "c" })]);
    const again = await create("same", { name: "b", waitMs: 0 });
    expect(runs().toSorted()).toEqual(["same b", "same b", "same c"]);
    const ran = [one, two, again].map(({ result, actionId }) => [result, actionId]);
    expect(ran).toEqual([one, two, again].map(({ actionId }) => [{ ran: actionId }, actionId]));
  });

  test("fail together, and the next runs", async () => {
    const failed = { name: "d", waitMs: 0, fail: true };
    const all = await Promise.all([1, 2, 3].map(() => create("same", failed)));
    for (const one of all) expect(one).toMatchObject({ outcome: "ERROR", error: { code: "work_failed" } });
    expect(await create("same", { name: "d" })).toMatchObject({ outcome: "SUCCESS" });
  });

  test("a follower that is canceled or paused leaves the other alone; the end of the other ends all", async () => {
    const leader = await make("same", { name: "e", waitMs: 30_000 });
    const [canceled, paused, waiting] = [
      await make("same", { name: "e" }),
      await make("same", { name: "e" }),
      await make("same", { name: "e" }),
    ];
    expect(await get(waiting)).toMatchObject({ state: "IN_PROGRESS", follows: leader });
    await client.request("action.cancel", { id: canceled });
    await client.request("action.pause", { id: paused });
    await client.request("action.resume", { id: paused });
    expect(await get(leader)).toMatchObject({ state: "IN_PROGRESS" });
    expect(await get(paused)).toMatchObject({ state: "IN_PROGRESS" });
    await client.request("action.cancel", { id: leader });
    for (const id of [paused, waiting])
      expect(await client.ended(id)).toMatchObject({ outcome: "ERROR", error: { code: "canceled" } });
    expect(runs()).toEqual(["same e"]);
  });

  test.each([false, true])(
    "W8 as steps of two workflows: one run, and both go on at once (done once: %s)",
    async (once) => {
      const [one, two] = await Promise.all([1, 2].map(() => create("sharing", { name: "f", once })));
      expect(one).toMatchObject({ outcome: "SUCCESS" });
      expect(two?.result).toBe(one?.result);
      expect(runs()).toEqual([once ? "single f" : "same f"]);
    },
  );

  test("are at most 256 behind one that is open; who leads is forgotten a minute after its end", async () => {
    const before = await create("same", { name: "many" }, { wait: true, key: "before them" });
    const leader = await make("same", { name: "many", waitMs: 60_000 });
    for (let n = 0; n < 64; n += 1)
      await Promise.all(Array.from({ length: 4 }, () => create("same", { name: "many" }, {})));
    await expect(create("same", { name: "many" }, {})).rejects.toMatchObject({ code: "queue_full" });
    // Who asks again for what was made is answered with it.
    expect(await create("same", { name: "many" }, { key: "before them" })).toMatchObject({
      actionId: before.actionId,
    });
    expect(await ttlOf(leader)).toBe("");
    await client.request("action.cancel", { id: leader });
    await eventually("nobody to lead", async () => ((await ttlOf(leader)) === "60s" ? true : undefined));
  });

  test("once is once: a success stands for all that come later, a failure for none", async () => {
    const [first, second] = [await create("single", { name: "g" }), await create("single", { name: "g" })];
    expect(second.result).toEqual(first.result);
    expect(second.actionId).not.toBe(first.actionId);
    expect(runs()).toEqual(["single g"]);
    expect(await ttlOf(first.actionId)).toBe("");
    expect(await create("single", { name: "shaky" })).toMatchObject({ outcome: "ERROR" });
    expect(await create("single", { name: "shaky" })).toMatchObject({ outcome: "SUCCESS" });
    expect(await create("single", { name: "shaky" })).toMatchObject({ outcome: "SUCCESS" });
    expect(runs().filter((line) => line === "single shaky")).toHaveLength(2);
  });
});

test("one that joins while the others are being ended is ended as well", async () => {
  // The first write makes the leader. The second, which joins it, comes between the look and the write of who ends them.
  await onlyWithFault(mesh, "identity.write/before=delay:1500@2,identity.write/before=delay:2000@3");
  const leader = await make("same", { name: "joined", waitMs: 700 });
  const follower = await make("same", { name: "joined" });
  expect(await get(follower)).toMatchObject({ follows: leader });
  expect(await ended(follower)).toMatchObject({ outcome: "SUCCESS", result: { ran: leader } });
  expect(runs()).toEqual(["same joined"]);
  await closed(leader);
});

test("one that is made when the others have ended already finds itself ended with them", async () => {
  // Who makes it stands still between the write that has it follow and its own.
  await onlyWithFault(mesh, "action.make/before=delay:3000");
  const leader = await make("same", { name: "late", waitMs: 700 });
  const follower = await make("same", { name: "late" });
  expect(await ended(follower)).toMatchObject({
    outcome: "SUCCESS",
    follows: leader,
    result: { ran: leader },
  });
  await closed(follower);
  expect(runs()).toEqual(["same late"]);
});

test("one that led before, and is settled once more, ends none of those that follow another by now", async () => {
  const faulted = await onlyWithFault(mesh, "action.close/before=crash");
  const old = await make("same", { name: "again" });
  await eventually("it to die", () => (faulted.isRunning() ? undefined : true));
  await mesh.start("state-store");
  const leader = await make("same", { name: "again", waitMs: 4_000 });
  const follower = await make("same", { name: "again" });
  await closed(old);
  expect(await get(follower)).toMatchObject({ state: "IN_PROGRESS", follows: leader });
  expect(await ended(follower)).toMatchObject({ result: { ran: leader } });
});

test.each(["same", "single"])(
  "what comes when one has ended and its followers do not know yet keeps none of them waiting (%s)",
  async (kind) => {
    // The workflow of the leader is told first, which takes its time here.
    await onlyWithFault(mesh, "action.note/before=delay:2500");
    const name = `between ${kind}`;
    const flow = await make("sharing", { name, once: kind === "single" });
    await eventually("the leader to run", () => (runs().length === 1 ? true : undefined));
    const leader = (await get(flow)).steps?.[0]?.child ?? "";
    const follower = await make(kind, { name, waitMs: 700 });
    expect(await get(follower)).toMatchObject({ follows: leader });
    await until(leader, "the leader to end", ({ outcome }) => outcome !== undefined);
    expect(await get(follower)).toMatchObject({ state: "IN_PROGRESS" });
    const next = await make(kind, { name, waitMs: 700 });
    expect(await ended(follower)).toMatchObject({ outcome: "SUCCESS", result: { ran: leader } });
    expect(await ended(next)).toMatchObject({ result: { ran: kind === "single" ? leader : next } });
    expect(await ended(flow)).toMatchObject({ outcome: "SUCCESS", result: leader });
    await mesh.start("state-store");
  },
);

test.each(["identity.write/after=crash", "identity.write/before=crash@2", "identity.write/after=crash@2"])(
  "a state-store that dies by %s leaves no two runs, and nobody who waits",
  async (fault) => {
    const name = fault;
    const faulted = await onlyWithFault(mesh, fault);
    const key = `key ${fault}`;
    const asked = create("same", { name, waitMs: 3_000 }, { key }).catch(() => undefined);
    const follows = create("same", { name }, { key: `${key} too` }).catch(() => undefined);
    await eventually("it to die", () => (faulted.isRunning() ? undefined : true));
    await mesh.start("state-store");
    // Whose answer was lost asks again, with its key.
    void Promise.all([asked, follows]);
    const [leader, follower] = await Promise.all([
      // Longer than it takes to look at their record.
      create("same", { name, waitMs: 3_000 }, { key }),
      create("same", { name, waitMs: 3_000 }, { key: `${key} too` }),
    ]);
    // Of two that are asked for at once either may be the first.
    const leads = (await get(leader.actionId)).follows ?? leader.actionId;
    const { id, followers } = IdentityRecord.parse((await recordOfSame(leads))?.json());
    const all = [id, ...followers.map((one) => one.id)];
    expect(new Set(all).size, "each is there once").toBe(all.length);
    for (const { actionId } of [leader, follower])
      expect(await client.ended(actionId, 20_000)).toMatchObject({ outcome: "SUCCESS" });
    const times = runs().filter((line) => line === `same ${name}`).length;
    const ids = new Set(
      await Promise.all(
        [leader, follower].map(async ({ actionId }) => ((await get(actionId)).result as { ran: string }).ran),
      ),
    );
    expect(times).toBe(ids.size);
  },
);
