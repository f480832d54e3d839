import { copyFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { connectClient } from "@jetmesh/client";
import { startNatsServer } from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  type Ended,
  type MarkedFolder,
  markedFolder,
  type RunningCommand,
  runJm,
  startJm,
} from "./running-commands.ts";

/** A mesh with authentication as a person has it: one terminal with `up`, others with commands. */
let folder: MarkedFolder;
let store: string;
let up: RunningCommand;
let url: string;

const startUp = async (...more: string[]): Promise<void> => {
  up = startJm(["up", "--store", store, "--port", "-1", ...more], { env: folder.env });
  const [, found = ""] = await up.prints(/The mesh is at (\S+)\. Talk to it:/);
  url = found;
  await up.prints(/Ctrl-C stops it/);
};
const stopUp = async (): Promise<void> => {
  up.signalGroup("SIGINT");
  expect(await up.ended).toMatchObject({ exitCode: 0 });
};
const fileOf = (user: string): string => join(store, "auth/users", `${user}.nk`);
const as = (user: string, args: readonly string[], file = fileOf(user)): Promise<Ended> =>
  runJm(["--url", url, "--user", user, ...args], { env: { ...folder.env, NATS_CREDS_FILE: file } });
const auth = (...args: string[]): Promise<Ended> =>
  runJm(["auth", ...args, "--store", store], { env: folder.env });

beforeAll(async () => {
  folder = markedFolder();
  store = join(folder.path, "store");
  await startUp("--auth", "--example", "examples/web");
});
afterAll(async () => {
  await folder[Symbol.asyncDispose]();
});

describe("jm up --auth", () => {
  test("keeps every key for its owner alone", () => {
    const all = readdirSync(join(store, "auth"), { recursive: true, withFileTypes: true });
    const files = all.filter((entry) => entry.isFile());
    expect(files.length).toBeGreaterThanOrEqual(8);
    for (const { parentPath, name } of files)
      expect(statSync(join(parentPath, name)).mode & 0o777, name).toBe(0o600);
    expect(statSync(join(store, "auth")).mode & 0o777).toBe(0o700);
    expect(up.output()).not.toMatch(/\bS[A-Z2-7]{57}\b/);
  });

  test("lets nobody in without a key, and says so", async () => {
    const { exitCode, stderr } = await runJm(["--url", url, "jet", "list"], { env: folder.env });
    expect(exitCode).toBe(1);
    expect(stderr).toContain("NATS_CREDS_FILE");
  });

  test("lets root in, who sees an action as it goes on, and the operator, who looks after the broker", async () => {
    const trigger = await as("root", ["jet", "trigger", "web1", "restart", "--wait"]);
    expect(trigger, trigger.stderr).toMatchObject({ exitCode: 0 });
    expect(trigger.stdout).toMatch(
      /web1 {2}restarting → running {2}restart {2}SUCCESS|running {2}restart {2}SUCCESS/,
    );
    const doctor = await as("root", ["doctor"], join(store, "auth/operator.nk"));
    expect(doctor, doctor.stdout).toMatchObject({ exitCode: 0 });
    expect(doctor.stdout).not.toContain("wrong");
    const denied = await as("root", ["doctor"]);
    expect(denied).toMatchObject({ exitCode: 1 });
    expect(denied.stderr).toContain("operator.nk");
  });

  test("gives a user a key that works at once, for that user alone", async () => {
    const key = await auth("key", "alice");
    expect(key, key.stderr).toMatchObject({ exitCode: 0 });
    expect(key.stdout).toContain(fileOf("alice"));
    expect(key.stdout).not.toMatch(/\bS[A-Z2-7]{57}\b/);
    expect(await as("alice", ["jet", "list"])).toMatchObject({ exitCode: 0, stdout: "none\n" });
    // As root by alice's key: the broker does not take it, so that nobody answers.
    expect(await as("root", ["--timeout", "1s", "jet", "list"], fileOf("alice"))).toMatchObject({
      exitCode: 3,
    });
    expect(await auth("key", "alice")).toMatchObject({ exitCode: 1 });
    expect((await auth("key", "root")).exitCode).toBe(2);
  });

  test("shows a user what that user may see, as it happens", async () => {
    const create = [
      "jet",
      "create",
      "web",
      "web2",
      "--users",
      "alice",
      "--wait",
      "--var",
      `dir=${folder.path}/web2`,
    ];
    expect(await as("root", create)).toMatchObject({ exitCode: 0 });
    const env = { ...folder.env, NATS_CREDS_FILE: fileOf("alice") };
    const watching = (jet: string): RunningCommand =>
      startJm(["--url", url, "--user", "alice", "watch", jet], { env });
    const [watch, blind] = [watching("web2"), watching("web1")];
    await blind.prints(/there is no jet 'web1'/);
    await watch.prints(/web2 {2}stopped/);
    expect(await as("alice", ["jet", "trigger", "web2", "start", "--wait"])).toMatchObject({ exitCode: 0 });
    await watch.prints(/web2 .*→ running {2}start {2}SUCCESS/);
    for (const command of [watch, blind]) {
      command.signalGroup("SIGINT");
      expect(await command.ended).toMatchObject({ exitCode: 0 });
    }
    expect(await as("alice", ["jet", "trigger", "web2", "stop", "--wait"])).toMatchObject({ exitCode: 0 });
  });

  test("puts another key in the place of one, which counts no more; and takes one away", async () => {
    const old = join(folder.path, "old.nk");
    copyFileSync(fileOf("alice"), old);
    // Nobody else meets that the server reads its configuration.
    const root = await connectClient({ url, user: "root", credsFile: fileOf("root") });
    let rotated: Ended | undefined;
    const rotating = auth("key", "alice", "--rotate").then((ended) => (rotated = ended));
    while (rotated === undefined) await root.request("jet.list", {}, 2_000);
    expect(await rotating).toMatchObject({ exitCode: 0 });
    await root.close();
    expect(await as("alice", ["jet", "list"])).toMatchObject({ exitCode: 0 });
    expect(await as("alice", ["jet", "list"], old)).toMatchObject({ exitCode: 1 });
    copyFileSync(fileOf("alice"), old);
    const revoked = await auth("revoke", "alice", "--json");
    expect(revoked).toMatchObject({ exitCode: 0, stdout: '{"user":"alice","revoked":true}\n' });
    expect(await as("alice", ["jet", "list"], old)).toMatchObject({ exitCode: 1 });
    expect((await as("alice", ["jet", "list"])).stderr).toContain("jm auth key alice");
    expect(await auth("revoke", "alice")).toMatchObject({ exitCode: 1 });
    const given = await auth("key", "alice", "--json");
    expect(given).toMatchObject({ exitCode: 0, stderr: "" });
    expect(given.stdout).toMatch(/^[^\n]+\n$/);
    expect(JSON.parse(given.stdout)).toMatchObject({ user: "alice", file: fileOf("alice") });
  });

  test("is still on when it starts again, with the users that it had", async () => {
    await stopUp();
    await startUp();
    expect(await as("alice", ["jet", "get", "web2"])).toMatchObject({ exitCode: 0 });
    await stopUp();
    await folder.nothingIsLeft();
  });
});

test("jm auth config prints what a server of one's own is configured by, before it starts and with its users", async () => {
  await using other = markedFolder();
  const keys = join(other.path, "keys");
  const options = { env: { ...other.env, JM_PREFIX: "two" } };
  const print = (): Promise<Ended> =>
    runJm(["auth", "config", "--offline", "--keys", keys, "--shards", "2"], options);
  const first = await print();
  expect(first, first.stderr).toMatchObject({ exitCode: 0, stderr: "" });
  expect((await print()).stdout).toBe(first.stdout);
  expect(first.stdout).toContain('"$KV.two_jets_1.>"');
  await using server = await startNatsServer({ extraConfig: first.stdout });
  const root = await connectClient({
    url: server.url,
    user: "root",
    prefix: "two",
    credsFile: join(keys, "users/root.nk"),
  });
  await expect(root.request("jet.list", {}, 1_000)).rejects.toThrow("nobody listens there");
  await root.close();
  expect(statSync(join(keys, "services/gateway.nk")).mode & 0o777).toBe(0o600);
});

test("a mesh that was made without authentication has its jets when it gets it", async () => {
  await using other = markedFolder();
  const kept = join(other.path, "store");
  const args = ["up", "--store", kept, "--port", "-1"];
  const before = startJm([...args, "--example", "examples/web"], { env: other.env });
  await before.prints(/Ctrl-C stops it/);
  before.signalGroup("SIGINT");
  await before.ended;
  const after = startJm([...args, "--auth"], { env: other.env });
  const [, there = ""] = await after.prints(/The mesh is at (\S+)\. Talk to it:/);
  const env = { ...other.env, NATS_CREDS_FILE: join(kept, "auth/users/root.nk") };
  expect((await runJm(["--url", there, "jet", "list"], { env })).stdout).toContain("web1");
  after.signalGroup("SIGINT");
  expect(await after.ended).toMatchObject({ exitCode: 0 });
});
