import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { TriggerReply } from "@jetmesh/protocol";
import { allHistory, eventually, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { linesOf } from "../support/lines-of.ts";
import { ROOT } from "../support/repository.ts";
import { firingsOf, refusedOf, viewOf } from "../support/schedules.ts";
import { runJm } from "./running-commands.ts";

/** An agent is a jet (docs/schedules.md): examples/agent, as a person has it, with a cycle of a second. */
const dir = mkdtempSync(join(tmpdir(), "jm-agent-"));
const log = join(dir, "agent1.log");
const version = join(dir, "agent1/version");
const SCHEDULE = "cycle-of-agent1";
let mesh: TestMesh;
let client: MeshClient;

beforeAll(async () => {
  mesh = await startMesh({ services: { "state-store": 2, "flight-plan-runner": 2 } });
  client = await mesh.client();
});
afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

const jm = async (...args: string[]): Promise<string> => {
  const { exitCode, stdout, stderr } = await runJm(args, { env: { NATS_URL: mesh.url } });
  expect({ args, exitCode, stderr }).toEqual({ args, exitCode: 0, stderr });
  return stdout;
};
const refusedBy = async (...args: string[]): Promise<string> => {
  const { exitCode, stderr } = await runJm(args, { env: { NATS_URL: mesh.url } });
  expect(exitCode).toBe(1);
  return stderr;
};
const done = (): string[] => linesOf(log);
const ofCycle = (): string[] => done().filter((line) => line === "cycle ends");
/** Each thing that was done had ended before the next began. */
const expectNoneOverlaps = (): void => {
  const lines = done();
  const began = lines.filter((_, at) => at % 2 === 0);
  expect(lines).toEqual(
    began.flatMap((line) => {
      const what = line.split(" ")[0] ?? "";
      return [`${what} begins`, `${what} ends`];
    }),
  );
};
const cycles = (more: number): Promise<true> => {
  const before = ofCycle().length;
  return eventually(
    `${String(more)} more cycles`,
    () => (ofCycle().length >= before + more ? true : undefined),
    { withinMs: 30_000, lastSeen: done },
  );
};
const update = (): Promise<TriggerReply> =>
  client.request<TriggerReply>("jet.trigger", { jet: "agent1", action: "update", wait: true });

test("A16 W7 an agent is installed once, however often it is asked for", async () => {
  await jm("apply", "-f", "examples/agent/agent.yaml");
  const variables = { dir, version: 1, seconds: 0.3 };
  const asked = { template: "agent", reference: "agent1", variables, wait: true };
  const answers = await Promise.all(
    Array.from({ length: 5 }, () =>
      client.request<TriggerReply>("jet.create", asked).then(
        ({ outcome }) => outcome,
        (thrown: unknown) => (thrown as { code: string }).code,
      ),
    ),
  );
  expect(answers.toSorted()).toEqual(
    [...Array.from({ length: 4 }, () => "already_exists"), "SUCCESS"].toSorted(),
  );
  expect(await refusedBy("jet", "create", "agent", "agent1")).toContain("there is a jet 'agent1'");
  expect(await refusedBy("jet", "trigger", "agent1", "install", "--wait")).toContain("'install'");
  expect(done()).toEqual(["install begins", "install ends"]);
  expect(readFileSync(version, "utf8")).toBe("1\n");
});

test("A16 W7 three updates that are asked for at once run one after the other", async () => {
  const replies = await Promise.all([update(), update(), update()]);
  expect(replies.map(({ outcome }) => outcome)).toEqual(["SUCCESS", "SUCCESS", "SUCCESS"]);
  expect(done().filter((line) => line === "update ends")).toHaveLength(3);
  expectNoneOverlaps();
});

test("A16 W7 its cycle repeats, and never runs beside an update", async () => {
  const everySecond = readFileSync(join(ROOT, "examples/agent/cycle.yaml"), "utf8").replace("10m", "1s");
  const file = join(dir, "cycle.yaml");
  writeFileSync(file, everySecond);
  await jm("apply", "-f", file);
  await cycles(2);
  // What somebody else has changed is put right by the next.
  writeFileSync(version, "of somebody else\n");
  await eventually("it to be put right", () => (readFileSync(version, "utf8") === "1\n" ? true : undefined));
  await client.request("jet.update", { reference: "agent1", variables: { dir, version: 2, seconds: 0.3 } });
  for (let round = 0; round < 3; round += 1) {
    const replies = await Promise.all([update(), update()]);
    expect(replies.map(({ outcome }) => outcome)).toEqual(["SUCCESS", "SUCCESS"]);
    await cycles(1);
  }
  expectNoneOverlaps();
  expect(readFileSync(version, "utf8")).toBe("2\n");
  const fired = await firingsOf(client, SCHEDULE);
  const ended = fired.filter(({ action }) => action.outcome !== undefined);
  expect(ended.map(({ action }) => action.outcome)).toEqual(ended.map(() => "SUCCESS"));
});

test("A16 W7 uninstalled it is looked after no more, each firing says so, and installed anew it is again", async () => {
  await jm("jet", "trigger", "agent1", "uninstall", "--wait");
  expect(existsSync(version)).toBe(false);
  const after = done();
  const refusals = await eventually(
    "two firings that find no agent",
    async () => {
      const found = (await refusedOf(client, SCHEDULE)).filter(
        ({ refusal }) => refusal?.code === "unknown_jet",
      );
      return found.length >= 2 ? found : undefined;
    },
    { withinMs: 20_000 },
  );
  expect(refusals[0]).toMatchObject({ jet: "agent1", action: "cycle" });
  expect(done()).toEqual(after);
  expect(await viewOf(client, SCHEDULE)).toMatchObject({ last: { outcome: "refused", code: "unknown_jet" } });
  expect(await jm("schedule", "get", SCHEDULE)).toContain("unknown_jet");
  const variables = ["--var", `dir=${dir}`, "--var", "seconds=0"];
  await jm("jet", "create", "agent", "agent1", ...variables, "--wait");
  await cycles(1);
  await jm("schedule", "delete", SCHEDULE);
  await jm("jet", "trigger", "agent1", "uninstall", "--wait");
  expectNoneOverlaps();
  const history = await allHistory(client.connection, client.names);
  const installs = history.filter(({ what, action }) => what === "closed" && action === "install");
  expect(installs).toHaveLength(2);
});

test("A16 nobody makes a schedule for an agent that is not there", async () => {
  expect(await refusedBy("apply", "-f", "examples/agent/cycle.yaml")).toContain("there is no jet 'agent1'");
});
