import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord, JetRecord, LogsReply, TriggerReply } from "@jetmesh/protocol";
import { ask } from "@jetmesh/storage";
import {
  allActions,
  allHistory,
  applyDocuments,
  eventually,
  loopDocuments,
  startMesh,
  type TestMesh,
  userDocument,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { longSteps } from "../../support/long-step.ts";
import { applySchedule, armedFor, untilFired } from "../../support/schedules.ts";

/** What services tried that their broker refused. */
const violations = (mesh: TestMesh): string[] => {
  const found = mesh.logs().matchAll(/"service":"([a-z-]+)".*?"detail":"(Permissions Violation.*?)","/g);
  return [...new Set([...found].map(([, service = "", what = ""]) => `${service}: ${what}`))];
};

describe.each([
  { name: "one shard", env: {} },
  { name: "several shards under a prefix", env: { JM_PREFIX: "other", JM_SHARDS: "3" } },
])("a mesh with authentication, $name", ({ env }) => {
  let mesh: TestMesh;
  let root: MeshClient;
  let alice: MeshClient;
  let operator: MeshClient;
  beforeAll(async () => {
    mesh = await startMesh({
      auth: ["alice"],
      env: { ...env, JM_CLOSED_TTL_MS: "60000" },
      services: { "flight-plan-runner": 2, "state-store": 2 },
    });
    [root, alice, operator] = [await mesh.as("root"), await mesh.as("alice"), await mesh.client()];
    await applyDocuments(root, [userDocument("alice", "user")]);
    await applyDocuments(root, loopDocuments([{ shell: "echo hello from $JM_JET" }, { wait: 50 }]));
    await root.request("jet.create", { template: "loop", reference: "one", users: ["alice"], wait: true });
  });
  afterAll(async () => {
    await mesh.stop();
  });

  test("runs an action of a user from end to end: by API, by plain publish, by an acknowledged one", async () => {
    const reply = await alice.request<TriggerReply>("jet.trigger", {
      jet: "one",
      action: "turn",
      wait: true,
    });
    expect(reply).toMatchObject({ outcome: "SUCCESS", state: "resting" });
    const id = reply.actionId ?? "";
    const logs = await alice.request<LogsReply>("action.logs", { id });
    expect(logs.items.map(({ data }) => Buffer.from(data, "base64").toString()).join("")).toBe(
      "hello from one\n",
    );
    const turns = async (): Promise<ActionRecord[]> =>
      (await alice.request<{ items: ActionRecord[] }>("action.list", { jet: "one" })).items.filter(
        ({ user, state }) => user === "alice" && state === "CLOSED",
      );
    expect(await turns()).toHaveLength(1);
    alice.connection.nc.publish(alice.names.trigger.of("alice", "one", "turn"), "");
    await eventually("the plain trigger to be over", async () => (await turns()).length === 2 || undefined);
    expect(await alice.publishTrigger("one", "turn")).toBeGreaterThan(0);
    await eventually(
      "the acknowledged one to be over",
      async () => (await turns()).length === 3 || undefined,
    );
    const jets = await alice.request<{ items: JetRecord[] }>("jet.list");
    expect(jets.items.map(({ reference }) => reference)).toEqual(["one"]);
  });

  test("brings to a state by message, and refuses in the user's own name", async () => {
    const { names, connection } = alice;
    connection.nc.publish(names.trigger.ofTarget("root", "one", "resting"), "");
    await expect(alice.request("template.apply", { reference: "x", name: "x" })).rejects.toMatchObject({
      code: "forbidden",
    });
    const rooted = await mesh.as("root");
    rooted.connection.nc.publish(names.trigger.of("root", "one", "remove"), "");
    await eventually("the jet to be gone", async () =>
      rooted.request<JetRecord>("jet.get", { reference: "one" }).then(
        () => undefined,
        () => true,
      ),
    );
    await root.request("jet.create", { template: "loop", reference: "one", users: ["alice"], wait: true });
    connection.nc.publish(names.trigger.ofTarget("alice", "one", "resting"), "");
    await root.request("jet.trigger", { jet: "one", action: "turn", wait: true, onBusy: "queue" });
  });

  test("puts aside what is no trigger and no resume, and replays it", async () => {
    const { names } = root;
    alice.connection.nc.publish(`${names.trigger.of("alice", "one", "turn")}.more`, "");
    operator.connection.nc.publish(names.resume.of("default", "nonsense"), "{");
    const letters = await eventually("both letters", async () => {
      const { items } = await root.request<{ items: { sequence: number; origin: { stream: string } }[] }>(
        "dead.list",
      );
      return items.length >= 2 ? items : undefined;
    });
    const trigger = letters.find(({ origin }) => origin.stream === names.streams.triggers);
    await root.request("dead.replay", { sequence: trigger?.sequence ?? 0 });
    await expect(alice.request("dead.list")).rejects.toMatchObject({ code: "forbidden" });
  });

  test("fires a schedule, and takes it away", async () => {
    await applySchedule(root, "turns", { every: "1s", trigger: { jet: "one", action: "turn" } });
    const [fired] = await untilFired(operator, "turns", 1);
    expect(fired?.action).toMatchObject({ user: "root", jet: "one" });
    await root.request("schedule.delete", { reference: "turns" });
    expect(await armedFor(operator, "turns")).toBeUndefined();
  });

  test("takes over what a killed runner held, and finishes what a killed state-store left", async () => {
    const steps = await longSteps(mesh, root, { idempotent: true });
    const step = await steps.begin("stuck");
    await step.holder.kill();
    await eventually("another to run it", () => step.runs() === 2 || undefined, { withinMs: 30_000 });
    for (const service of mesh.services.filter(({ name }) => name === "state-store")) await service.kill();
    step.finish();
    await mesh.start("state-store");
    expect(await step.ended(30_000)).toMatchObject({ outcome: "SUCCESS" });
    await eventually("every action to be closed", async () =>
      (await allActions(operator.connection, operator.names)).every(({ state }) => state === "CLOSED")
        ? true
        : undefined,
    );
  });

  test("is seen by its operator: the health of every process, and the micro service", async () => {
    const { connection, names } = operator;
    for (const name of ["gateway", "authz", "state-store", "lifecycle-ticker", "flight-plan-runner"])
      expect(await ask(connection, names.svc.of(name, "health"), {}, 2_000)).toMatchObject({ ok: true });
    const stats = await ask(connection, "$SRV.STATS.jetmesh", {}, 2_000);
    expect(stats).toMatchObject({ ok: true, body: { name: "jetmesh" } });
    expect((await allHistory(connection, names)).length).toBeGreaterThan(3);
  });

  test("needs no more than it was given: nobody tried what the broker refused", async () => {
    for (const name of ["gateway", "authz", "lifecycle-ticker", "flight-plan-runner"] as const) {
      await mesh.start(name);
      // The first of its kind may be the one that was killed.
      const oldest = mesh.services.find((service) => service.name === name && service.isRunning());
      expect(await oldest?.stop()).toBe(0);
    }
    expect(violations(mesh)).toEqual([]);
  });
});
