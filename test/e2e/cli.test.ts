import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { eventually, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Ended, markedFolder, runJm, startJm } from "./running-commands.ts";

/** The command against a mesh of real processes, as a person and as a script would use it. */
const folder = markedFolder();
let mesh: TestMesh;
const jm = (...args: string[]): Promise<Ended> => runJm(args, { env: { NATS_URL: mesh.server.url } });
async function json<T = Record<string, unknown>>(...args: string[]): Promise<T> {
  const { exitCode, stdout, stderr } = await jm("--json", ...args);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  return JSON.parse(stdout) as T;
}

const STATES = ["moving", "resting", "broken"]
  .map((name) => `apiVersion: jetmesh/v1\nkind: State\nreference: ${name}\n`)
  .join("---\n");
const TEMPLATE = `apiVersion: jetmesh/v1
kind: Template
reference: loop
accessLevel: user
variables: { greeting: hello }
actions:
  - { reference: create, accessLevel: user, transit: moving, to: resting }
  - { reference: turn, accessLevel: user, from: resting, transit: moving, to: resting, plan: turn }
  - { reference: fail, accessLevel: user, from: resting, transit: moving, to: broken, error: broken, plan: fail }
  - { reference: mend, accessLevel: user, from: broken, transit: moving, to: resting }
---
apiVersion: jetmesh/v1
kind: Plan
reference: turn
steps:
  - { reference: say, shell: [sh, -c, "echo $0; echo $1; sleep $2", "{{ greeting }}", "{{ argument.who | default: 'you' }}", "{{ argument.forSeconds | default: 0 }}"] }
---
apiVersion: jetmesh/v1
kind: Plan
reference: fail
steps: [{ reference: break, shell: "echo it broke >&2; exit 3" }]
`;

function write(name: string, text: string): string {
  const file = join(folder.path, name);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, text);
  return file;
}

beforeAll(async () => {
  mesh = await startMesh();
  write("definitions/10-states.yaml", STATES);
  write("definitions/20-loop.yml", TEMPLATE);
  write("definitions/notes.txt", "not: [yaml");
  const { exitCode, stderr } = await jm("apply", "-f", join(folder.path, "definitions"));
  // Applied all the same, and warned of: its jets are never destroyed.
  expect({ exitCode, stderr }).toEqual({
    exitCode: 0,
    stderr: expect.stringMatching(/^warning: .*20-loop\.yml:6 actions: .*\(no_destroy\)\n$/) as string,
  });
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  await folder[Symbol.asyncDispose]();
});

describe("apply", () => {
  it("says what is created, updated and unchanged", async () => {
    const again = await jm("apply", "-f", join(folder.path, "definitions"));
    expect(again.stdout).toMatch(/^KIND +REFERENCE +CHANGE$/m);
    expect(again.stdout).toMatch(/^Template +loop +unchanged$/m);
    const more = STATES.replace("kind: State", "kind: State\ncolor: red");
    const changed = write(
      "changed.yaml",
      `${more}---\napiVersion: jetmesh/v1\nkind: State\nreference: moved\n`,
    );
    const { items } = await json<{ items: { reference: string; change: string }[] }>(
      "apply",
      "--dry-run",
      "-f",
      changed,
    );
    expect(items.map(({ reference, change }) => `${reference} ${change}`).slice(0, 4)).toEqual([
      "moving updated",
      "resting unchanged",
      "broken unchanged",
      "moved created",
    ]);
  });

  it("with --dry-run changes nothing", async () => {
    const file = write("dry.yaml", "apiVersion: jetmesh/v1\nkind: State\nreference: dry\n");
    for (const _ of [1, 2])
      expect((await jm("apply", "--dry-run", "-f", file)).stdout).toContain("+ State dry would be created");
  });

  it("takes what is piped in", async () => {
    const input = "apiVersion: jetmesh/v1\nkind: User\nreference: alice\nlevel: user\n";
    const { exitCode, stdout } = await runJm(["apply", "-f", "-"], {
      env: { NATS_URL: mesh.server.url },
      input,
    });
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: expect.stringMatching(/User +alice +created/) as string,
    });
  });

  it("tells every fault of every file at once, with file, line and path, and applies nothing", async () => {
    const first = write(
      "bad/a.yaml",
      "apiVersion: jetmesh/v1\nkind: State\nreference: fine\n---\napiVersion: jetmesh/v1\nkind: State\nreference: Not Fine\ncolour: red\n",
    );
    const second = write(
      "bad/b.yaml",
      "apiVersion: jetmesh/v1\nkind: Plan\nreference: p\nsteps:\n  - shell: 7\n",
    );
    const { exitCode, stderr } = await jm("apply", "-f", first, "-f", second);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("nothing was applied");
    expect(stderr).toContain(`${first}:7 reference: `);
    expect(stderr).toContain(`${first}:8: Unrecognized key: "colour"`);
    expect(stderr).toContain(`${second}:5 steps[0].shell: `);
    expect(
      (
        await json<{ items: unknown[] }>(
          "apply",
          "--dry-run",
          "-f",
          write("fine.yaml", "apiVersion: jetmesh/v1\nkind: State\nreference: fine\n"),
        )
      ).items,
    ).toEqual([{ kind: "State", reference: "fine", change: "created" }]);
  });

  it("tells what is not there, at the line that names it", async () => {
    const file = write(
      "unknown.yaml",
      TEMPLATE.replace("plan: turn }", "plan: gone }").replace("reference: loop", "reference: loop2"),
    );
    const { exitCode, stderr } = await jm("--json", "apply", "-f", file);
    expect(exitCode).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({
      error: {
        code: "invalid_request",
        details: { faults: [{ source: file, line: 8, path: "actions[1].plan" }] },
      },
    });
  });

  it("tells faults of syntax without a mesh", async () => {
    const file = write("syntax.yaml", "kind: State\nreference: [\n");
    const { exitCode, stderr } = await runJm(["--url", "nats://127.0.0.1:9", "apply", "-f", file]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/syntax\.yaml:\d: not YAML/);
  });
});

describe("a jet", () => {
  it("is made, shown, listed and moved, with a timeline while it waits", async () => {
    const made = await jm(
      "jet",
      "create",
      "loop",
      "one",
      "--name",
      "Number one",
      "--var",
      "greeting=hi",
      "--users",
      "alice",
      "--wait",
    );
    expect(made.exitCode).toBe(0);
    expect(made.stdout).toMatch(
      /one {2}— → moving {2}create\n[^]*one {2}moving → resting {2}create {2}SUCCESS/,
    );
    expect(made.stdout).toMatch(/^outcome: SUCCESS$/m);

    expect((await jm("jet", "get", "one")).stdout).toMatch(/^state: +resting$/m);
    expect(await json("jet", "get", "one")).toMatchObject({
      name: "Number one",
      users: ["alice"],
      variables: { greeting: "hi" },
    });
    expect((await jm("jet", "list", "--template", "loop")).stdout).toMatch(/^one +loop +resting/m);
    expect(await json("jet", "list", "--state", "broken")).toEqual({ items: [] });
    expect((await jm("jet", "actions", "one")).stdout).toMatch(/^turn +turn +resting +moving +resting/m);

    const turned = await jm("jet", "trigger", "one", "turn", "--arg", "who=world", "--wait");
    expect(turned.exitCode).toBe(0);
    expect(turned.stdout).toMatch(
      /resting → moving {2}turn\n[^]*step say {2}SUCCESS[^]*moving → resting {2}turn {2}SUCCESS/,
    );
  });

  it("is made without a name of its own too", async () => {
    const { exitCode, stdout } = await jm("jet", "create", "loop", "--wait");
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/(loop-\w+) {2}\S+ → resting {2}create {2}SUCCESS[^]*jet: +\1/);
  });

  it("that fails gives the action's error and 1", async () => {
    await json("jet", "create", "loop", "two", "--wait");
    const { exitCode, stdout, stderr } = await jm("jet", "trigger", "two", "fail", "--wait");
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/moving → broken {2}fail {2}ERROR/);
    expect(stderr).toMatch(/the action of two failed with step_failed: [^]*jm action logs \w+/);
    const asJson = await jm("--json", "jet", "trigger", "two", "mend", "--wait");
    expect(JSON.parse(asJson.stdout)).toMatchObject({ jet: "two", outcome: "SUCCESS", state: "resting" });
  });

  it("takes the same key for the same request", async () => {
    await json("jet", "create", "loop", "three", "--wait");
    const one = await json("jet", "trigger", "three", "turn", "--key", "k1", "--wait");
    expect(await json("jet", "trigger", "three", "turn", "--key", "k1")).toMatchObject({
      actionId: one["actionId"],
    });
    expect((await json<{ items: unknown[] }>("action", "list", "--jet", "three")).items).toHaveLength(2);
  });

  it("that is busy refuses, or queues", async () => {
    await json("jet", "create", "loop", "four", "--wait");
    await json("jet", "trigger", "four", "turn", "--argument", '{"forSeconds":5}');
    const busy = await jm("jet", "trigger", "four", "turn");
    expect(busy).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("--queue") as string });
    expect(await json("jet", "trigger", "four", "turn", "--queue", "--wait")).toMatchObject({
      outcome: "SUCCESS",
    });
  });

  it("that does not end in time gives 1, and goes on", async () => {
    await json("jet", "create", "loop", "five", "--wait");
    const late = await jm(
      "jet",
      "trigger",
      "five",
      "turn",
      "--arg",
      "forSeconds=2",
      "--wait",
      "--timeout",
      "200ms",
    );
    expect(late).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("it goes on") as string });
    await eventually("five to rest", async () =>
      (await json("jet", "get", "five"))["state"] === "resting" ? true : undefined,
    );
  });
});

describe("an action", () => {
  it("is shown with its transitions and steps, and what it printed", async () => {
    await json("jet", "create", "loop", "six", "--wait");
    const { actionId } = await json<{ actionId: string }>("jet", "trigger", "six", "turn", "--wait");
    const { stdout } = await jm("action", "get", actionId);
    expect(stdout).toMatch(/^jet: +six$/m);
    expect(stdout).toMatch(/EXECUTING_MAIN[^]*SUCCESS[^]*step say {2}SUCCESS/);
    expect(await json("action", "get", actionId)).toMatchObject({ id: actionId, outcome: "SUCCESS" });
    expect((await jm("action", "list", "--jet", "six")).stdout).toMatch(
      new RegExp(`^${actionId} +six +turn +root`, "m"),
    );
    expect((await jm("action", "logs", actionId)).stdout).toBe("hello\nyou\n");
    const chunks = await json<{ items: { text: string; step: string }[] }>("action", "logs", actionId);
    expect(chunks.items.map(({ text }) => text).join("")).toBe("hello\nyou\n");
  });

  it("is followed until it has ended", async () => {
    await json("jet", "create", "loop", "seven", "--wait");
    const { actionId } = await json<{ actionId: string }>(
      "jet",
      "trigger",
      "seven",
      "turn",
      "--arg",
      "forSeconds=1",
    );
    const { exitCode, stdout } = await jm("action", "logs", actionId, "--follow");
    expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "hello\nyou\n" });
    expect(await json("action", "get", actionId)).toMatchObject({ outcome: "SUCCESS" });
  });
});

describe("watch", () => {
  it("prints a line for each change of every jet, as JSON too, until Ctrl-C", async () => {
    await json("jet", "create", "loop", "eight", "--wait");
    const env = { NATS_URL: mesh.server.url };
    const [all, one, machine] = [
      startJm(["watch"], { env }),
      startJm(["watch", "eight"], { env }),
      startJm(["--json", "watch", "eight"], { env }),
    ];
    await one.prints(/eight {2}resting/);
    await machine.prints(/"to":"resting"/);
    // Of all jets only changes are shown: the first one is a sign that it watches.
    await eventually("the watch of all to see a change", async () => {
      await json("jet", "trigger", "eight", "turn", "--wait");
      return /eight {2}moving → resting/.test(all.output()) ? true : undefined;
    });
    await one.prints(/eight {2}resting → moving {2}turn\n.*eight {2}moving → resting {2}turn {2}SUCCESS/);
    await machine.prints(/"from":"moving","to":"resting","action":"turn","outcome":"SUCCESS"/);
    for (const watch of [all, one, machine]) watch.signalGroup("SIGINT");
    for (const watch of [all, one, machine])
      expect(await watch.ended).toMatchObject({ exitCode: 0, stderr: "" });
    for (const line of machine.output().trim().split("\n"))
      expect(JSON.parse(line)).toMatchObject({ jet: "eight" });
  });
});

describe("doctor", () => {
  it("finds a whole mesh well", async () => {
    const { exitCode, stdout } = await jm("doctor");
    expect({ exitCode, stdout }).toEqual({
      exitCode: 0,
      stdout: expect.stringMatching(/ok +topology +all 18/) as string,
    });
    const report = await json<{ ok: boolean; findings: { check: string; status: string }[] }>("doctor");
    expect(report.ok).toBe(true);
    expect(report.findings.filter(({ check }) => check.startsWith("service "))).toHaveLength(5);
  });

  it("finds what is wrong, says what to do, and gives 1", async () => {
    await using broken = await startMesh({ services: { "lifecycle-ticker": 0, "flight-plan-runner": 0 } });
    const client = await broken.client();
    await client.connection.jsm.streams.update("JM_LOGS", { max_bytes: 1_000_000 });
    const { exitCode, stdout, stderr } = await jm("--url", broken.server.url, "doctor");
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/wrong +service lifecycle-ticker +no process answers +start one/);
    expect(stdout).toMatch(/wrong +runners +none is present/);
    expect(stdout).toMatch(/wrong +topology +JM_LOGS: max_bytes is 1000000, planned \d+/);
    expect(stderr).toMatch(/4 things are wrong/);
    const { config } = await client.connection.jsm.streams.info("JM_LOGS");
    expect(config.max_bytes).toBe(1_000_000);
  });
});

describe("the exit code", () => {
  it("is 1 for what the mesh refuses, with the code of the refusal and what to do", async () => {
    expect(await jm("jet", "get", "nobody")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("jm jet list") as string,
    });
    const { exitCode, stdout, stderr } = await jm("--json", "jet", "get", "nobody");
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: "" });
    expect(JSON.parse(stderr)).toMatchObject({ error: { code: "unknown_jet" } });
    const refused = await jm("--user", "nobody", "apply", "-f", join(folder.path, "definitions"));
    expect(refused).toMatchObject({ exitCode: 1, stderr: expect.stringContaining("--user") as string });
  });

  it.each([
    ["an unknown command", ["fly"]],
    ["no command", []],
    ["a group without its command", ["jet"]],
    ["an unknown option", ["jet", "list", "--fast"]],
    ["a missing argument", ["jet", "get"]],
    ["a word too many", ["jet", "get", "one", "two"]],
    ["what is no reference", ["jet", "get", "A.B"]],
    ["a user that cannot be", ["--user", "A.B", "jet", "list"]],
    ["a file that is not there", ["apply", "-f", "no/such/file"]],
    ["an argument that is no object", ["jet", "trigger", "one", "turn", "--argument", "[]"]],
  ])("is 2 for %s", async (_what, args) => {
    const { exitCode, stdout, stderr } = await jm(...args);
    expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: "" });
    expect(stderr).not.toBe("");
  });

  it("is 3 where there is no broker, or none with a mesh, and the message says what would help", async () => {
    const nowhere = await jm("--url", "nats://127.0.0.1:9", "jet", "list");
    expect(nowhere).toMatchObject({ exitCode: 3, stderr: expect.stringContaining("./jm up") as string });
    await using empty = await startMesh({
      services: { gateway: 0, authz: 0, "lifecycle-ticker": 0, "flight-plan-runner": 0 },
    });
    const silent = await jm("--url", empty.server.url, "jet", "list");
    expect(silent).toMatchObject({ exitCode: 3, stderr: expect.stringContaining("jm doctor") as string });
  });

  it("is 0 for help, of everything and of one command", async () => {
    const help = await jm("--help");
    expect(help).toMatchObject({ exitCode: 0, stdout: expect.stringContaining("Exit codes:") as string });
    expect((await jm("jet", "trigger", "--help")).stdout).toContain("--queue");
  });
});

it("JM_PREFIX talks to the mesh of that name alone", async () => {
  const env = { NATS_URL: mesh.server.url, JM_PREFIX: "other" };
  expect((await runJm(["jet", "list"], { env })).exitCode).toBe(3);
});
