import type { MeshClient } from "@jetmesh/client";
import type { NumberedLetter } from "@jetmesh/protocol";
import { applyDocuments, eventually, loopDocuments, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Ended, runJm } from "./running-commands.ts";

/** Dead letters as a person and a script see them: list, show, replay. */
let mesh: TestMesh;
let client: MeshClient;
const jm = (...args: string[]): Promise<Ended> => runJm(args, { env: { NATS_URL: mesh.server.url } });

interface Listed {
  readonly items: readonly NumberedLetter[];
  readonly cursor?: string;
}
async function list(...args: string[]): Promise<Listed> {
  const { exitCode, stdout } = await jm("--json", "dead", "list", ...args);
  expect(exitCode).toBe(0);
  return JSON.parse(stdout) as Listed;
}

/** Publishes what nobody can process, and gives the number of its letter. */
async function die(subject: string, body: string | Uint8Array): Promise<number> {
  const before = (await list()).items.map(({ sequence }) => sequence);
  client.connection.nc.publish(subject, body);
  return eventually("a letter", async () =>
    (await list()).items.map(({ sequence }) => sequence).find((one) => !before.includes(one)),
  );
}

beforeAll(async () => {
  mesh = await startMesh();
  client = await mesh.client();
  await applyDocuments(client, loopDocuments([{ wait: 0 }]));
  await client.request("jet.create", { template: "loop", reference: "one", wait: true });
}, 60_000);
afterAll(() => mesh.stop());

it("without any there is none, and nothing to replay", async () => {
  expect(await jm("dead", "list")).toMatchObject({ exitCode: 0, stdout: "none\n" });
  expect((await jm("dead", "replay", "--all")).stdout).toBe("none\n");
});

describe("a dead letter", () => {
  it("is listed with its reason, shown whole, and doctor says what to do about it", async () => {
    const sequence = await die("jm.trigger.root.one.turn", "{not json");
    const { stdout } = await jm("dead", "list");
    expect(stdout).toMatch(/^SEQ +AT +CODE +SUBJECT +BYTES +REASON$/m);
    expect(stdout).toMatch(
      new RegExp(
        `^${String(sequence)} .* invalid_request +jm\\.trigger\\.root\\.one\\.turn +9 +the body is not JSON`,
        "m",
      ),
    );
    const shown = await jm("dead", "show", String(sequence));
    expect(shown.stdout).toMatch(/^reason: +the body is not JSON in UTF-8$/m);
    expect(shown.stdout).toMatch(/\n\n\{not json\n$/);
    const asJson = JSON.parse(
      (await jm("--json", "dead", "show", String(sequence))).stdout,
    ) as NumberedLetter;
    expect(Buffer.from(asJson.data, "base64").toString()).toBe("{not json");
    expect((await jm("doctor")).stdout).toMatch(/warning +dead letters +\d+ +see why: `jm dead list`/);
  });

  it("with a binary body is shown in hex", async () => {
    const sequence = await die("jm.trigger.root.one.turn", Uint8Array.from([0, 27, 91, 50, 74, 255]));
    expect((await jm("dead", "show", String(sequence))).stdout).toMatch(
      /00000000 {2}00 1b 5b 32 4a ff .*\|\.\.\[2J\.\|/,
    );
  });

  it("is found by the stream of its message, and there may be more than are asked for", async () => {
    await die("jm.resume.default.0123456789abcdef01234567", "nonsense");
    const { items } = await list("--stream", "JM_RESUME");
    expect(items.map(({ origin }) => origin.stream)).toEqual(["JM_RESUME"]);
    expect((await list("--limit", "1")).cursor).toBeDefined();
    expect((await jm("dead", "list", "--limit", "1")).stderr).toContain("there are more");
  });
});

describe("replay", () => {
  it("sends a message again, which may die again, and removes the letter", async () => {
    const sequence = await die("jm.trigger.root.one.turn", '{"argumnet":{}}');
    const { exitCode, stdout } = await jm("dead", "replay", String(sequence));
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(
      new RegExp(`^${String(sequence)} +replayed +jm\\.trigger\\.root\\.one\\.turn$`, "m"),
    );
    await eventually("the next letter of the same message", async () =>
      (await list()).items.find(({ headers }) => headers?.["Nats-Msg-Id"]?.startsWith("dead-JM_TRIGGERS-")),
    );
    expect(await jm("dead", "replay", String(sequence))).toMatchObject({
      exitCode: 1,
      stderr: expect.stringMatching(/there is no dead letter[^]*jm dead list/) as string,
    });
  });

  it("of several says of each what became of it, and gives 1 where one is left", async () => {
    const good = await die("jm.trigger.root.one.turn", "[]");
    const cut = await die("jm.trigger.root.one.turn", `{"x":"${"x".repeat(70_000)}"}`);
    const { exitCode, stdout, stderr } = await jm("dead", "replay", String(good), String(cut), "999999");
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(new RegExp(`^${String(good)} +replayed`, "m"));
    expect(stdout).toMatch(
      new RegExp(`^${String(cut)} +left +not_replayable: .* was cut: 65536 of 70008 bytes`, "m"),
    );
    expect(stdout).toMatch(/^999999 +left +unknown_letter/m);
    expect(stderr).toMatch(/2 of 3 dead letters could not be replayed/);
    const single = await jm("--json", "dead", "replay", String(cut));
    expect({ exitCode: single.exitCode, stdout: single.stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(JSON.parse(single.stderr)).toMatchObject({ error: { code: "not_replayable" } });
  });

  it("of all of a stream leaves the others", async () => {
    const hints = (await list("--stream", "JM_RESUME")).items.map(({ sequence }) => sequence);
    expect(hints.length).toBeGreaterThan(0);
    const { exitCode, stdout } = await jm("--json", "dead", "replay", "--all", "--stream", "JM_RESUME");
    expect(exitCode).toBe(0);
    const { items } = JSON.parse(stdout) as { items: { sequence: number; outcome: string }[] };
    expect(items.map(({ sequence, outcome }) => `${String(sequence)} ${outcome}`)).toEqual(
      hints.map((sequence) => `${String(sequence)} replayed`),
    );
    expect((await list("--stream", "JM_TRIGGERS")).items.length).toBeGreaterThan(0);
  });

  it.each([
    ["nothing to replay", ["dead", "replay"]],
    ["numbers and all", ["dead", "replay", "1", "--all"]],
    ["a stream without all", ["dead", "replay", "1", "--stream", "JM_TRIGGERS"]],
    ["what is no number", ["dead", "replay", "x"]],
    ["the same number twice", ["dead", "replay", "1", "1"]],
    ["a letter of no number", ["dead", "show", "0"]],
  ])("is 2 for %s", async (_what, args) => {
    const { exitCode, stdout, stderr } = await jm(...args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).not.toBe("");
  });

  it("is for root: another user is told so", async () => {
    const { exitCode, stderr } = await jm("--user", "nobody", "dead", "list");
    expect({ exitCode, stderr }).toEqual({
      exitCode: 1,
      stderr: expect.stringMatching(/level root[^]*--user/) as string,
    });
  });
});
