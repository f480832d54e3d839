import { closeSync, fsyncSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createNames } from "@jetmesh/protocol";
import {
  type Connection,
  connectMesh,
  measureAckDelay,
  SLOW_MS,
  watchAcks,
  writeOnce,
} from "@jetmesh/storage";
import { eventually, startNatsServer, type TestServer } from "@jetmesh/testkit";
import { afterEach, expect, test } from "vitest";

/** Writes made together (`group-commit.ts`), on a broker of its own for each test. */
const open: { stop(): Promise<void> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.stop();
});

async function broker(
  sync: "default" | "always" = "default",
  atomic = true,
): Promise<{ server: TestServer; connection: Connection }> {
  const server = await startNatsServer({ sync });
  open.push(server);
  const connection = await connectMesh({ url: server.url, name: "test" });
  open.push({ stop: () => connection.close() });
  for (const name of ["one", "KV_jm_leases"]) {
    const subjects = name === "one" ? ["one.>"] : ["$KV.jm_leases.>"];
    await connection.jsm.streams.add({
      name,
      subjects,
      allow_atomic: atomic && name === "one",
      allow_msg_ttl: true,
    });
  }
  return { server, connection };
}

const write = (connection: Connection, key: string, body: string, expect?: number) =>
  writeOnce(connection, `one.${key}`, body, { point: "action.make", batchable: "one", expect });

/** What the broker counts of batches is in no answer; a batch's members stand together in its log, without acknowledgements. */
const acknowledgements = (connection: Connection): number => connection.nc.stats().inMsgs;

test("writes made at once go together, and each knows its own revision", async () => {
  const { connection } = await broker();
  connection.groupCommit.engage(true);
  const before = acknowledgements(connection);
  const keys = Array.from({ length: 500 }, (_, n) => `key${String(n)}`);
  const outcomes = await Promise.all(keys.map((key) => write(connection, key, `body of ${key}`, 0)));
  // Some at first alone, then in batches: far fewer answers than writes.
  expect(acknowledgements(connection) - before).toBeLessThan(30);
  for (const [index, outcome] of outcomes.entries()) {
    if (outcome.kind !== "written") throw new Error(`not written: ${JSON.stringify(outcome)}`);
    const stored = await connection.jsm.streams.getMessage("one", { seq: outcome.sequence });
    expect([stored?.subject, stored?.string()]).toEqual([
      `one.${keys[index] ?? ""}`,
      `body of ${keys[index] ?? ""}`,
    ]);
  }
});

test("one that has lost its race costs those beside it nothing", async () => {
  const { connection } = await broker();
  await write(connection, "key77", "was first", 0);
  connection.groupCommit.engage(true);
  const keys = Array.from({ length: 200 }, (_, n) => `key${String(n)}`);
  const outcomes = await Promise.all(keys.map((key) => write(connection, key, key, 0)));
  expect(outcomes.filter(({ kind }) => kind === "written")).toHaveLength(199);
  expect(outcomes[77]).toEqual({ kind: "conflict" });
  expect((await connection.jsm.streams.info("one")).state.messages).toBe(200);
});

test("one subject written twice at once is written once", async () => {
  const { connection } = await broker();
  connection.groupCommit.engage(true);
  const keys = Array.from({ length: 100 }, (_, n) => `key${String(n % 50)}`);
  const outcomes = await Promise.all(keys.map((key) => write(connection, key, key, 0)));
  expect(outcomes.filter(({ kind }) => kind === "written")).toHaveLength(50);
  expect((await connection.jsm.streams.info("one")).state.messages).toBe(50);
});

test("a stream that takes no batches is written all the same", async () => {
  const { connection } = await broker("default", false);
  connection.groupCommit.engage(true);
  for (let round = 0; round < 2; round += 1) {
    const keys = Array.from({ length: 100 }, (_, n) => `key${String(round)}-${String(n)}`);
    const outcomes = await Promise.all(keys.map((key) => write(connection, key, key, 0)));
    expect(outcomes.every(({ kind }) => kind === "written")).toBe(true);
  }
});

test("a write alone is not held up for others", async () => {
  const { connection } = await broker();
  connection.groupCommit.engage(true);
  for (let n = 0; n < 20; n += 1)
    expect(await write(connection, "same", String(n))).toMatchObject({ kind: "written", sequence: n + 1 });
});

test("a broker that is lost leaves every write of a batch without an answer, and none as written", async () => {
  const { server, connection } = await broker();
  connection.groupCommit.engage(true);
  server.signal("SIGSTOP");
  const keys = Array.from({ length: 100 }, (_, n) => `key${String(n)}`);
  const pending = keys.map((key) => write(connection, key, key, 0));
  await server.kill();
  const outcomes = await Promise.all(pending);
  expect(new Set(outcomes.map(({ kind }) => kind))).toEqual(new Set(["unknown"]));
});

test("a probe sees the sync of a broker that syncs each message before it acknowledges it", async () => {
  const { server, connection } = await broker("always");
  // Disks differ by a hundred times, and from one moment to the next: this one is asked itself, and again, as a watch does.
  let seen = "";
  await eventually(
    "a probe to see the sync",
    async () => {
      const delay = (await measureAckDelay(connection, "$KV.jm_leases.probe.test")) ?? 0;
      const sync = syncMs(server.storeDir);
      seen = `${String(delay)} ms behind the echo, a sync takes ${String(sync)} ms`;
      return delay > sync / 4 ? true : undefined;
    },
    { withinMs: 40_000, lastSeen: () => seen },
  );
});

test("is not engaged where the broker syncs now and then", async () => {
  const { connection } = await broker();
  // A probe says nothing where this process was busy meanwhile: the first that says something counts.
  const delay = await eventually(
    "a probe of a process that is not busy",
    () => measureAckDelay(connection, "$KV.jm_leases.probe.test"),
    { withinMs: 40_000 },
  );
  expect(delay).toBeLessThan(SLOW_MS);
  await becomes(connection, SLOW_MS, false);
});

test("is engaged where an acknowledgement is slower than allowed, and only there", async () => {
  // How slow a disk is changes from one moment to the next: what is allowed is what no disk is quicker or slower than.
  const { connection } = await broker("always");
  await becomes(connection, Number.NEGATIVE_INFINITY, true);
  await becomes(connection, Number.POSITIVE_INFINITY, false);
});

/** Begins as the opposite, so that an answer is seen to arrive. */
async function becomes(connection: Connection, slowMs: number, isEngaged: boolean): Promise<void> {
  connection.groupCommit.engage(!isEngaged);
  const watch = watchAcks(connection, createNames("jm"), "test", slowMs);
  await eventually(
    `group commit to be ${isEngaged ? "engaged" : "off"}`,
    () => connection.groupCommit.isEngaged === isEngaged || undefined,
    // A probe says nothing while the machine has other things to do, and is made again a second later.
    { withinMs: 40_000 },
  );
  watch.stop();
}

/** The lower quartile of what a sync of a few bytes takes there, in milliseconds. */
function syncMs(folder: string): number {
  const file = openSync(join(folder, "sync.probe"), "w");
  const times = Array.from({ length: 12 }, () => {
    writeSync(file, "a few bytes");
    const at = performance.now();
    fsyncSync(file);
    return performance.now() - at;
  });
  closeSync(file);
  return times.sort((a, b) => a - b)[3] ?? 0;
}
