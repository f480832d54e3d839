import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { Health } from "@jetmesh/protocol";
import { ask } from "@jetmesh/storage";
import {
  applyDocuments,
  eventually,
  loopDocuments,
  type ServiceName,
  startMesh,
  startNatsServer,
} from "@jetmesh/testkit";
import { describe, expect, test } from "vitest";

const NAMES: readonly ServiceName[] = [
  "gateway",
  "authz",
  "state-store",
  "lifecycle-ticker",
  "flight-plan-runner",
];
const ROOT = join(import.meta.dirname, "../..");

describe("every service", () => {
  test("says that it is well, and ends with 0 when it is asked to stop", async () => {
    await using mesh = await startMesh();
    const client = await mesh.client();
    for (const name of NAMES) {
      const answer = await ask(client.connection, client.names.svc.of(name, "health"), {}, 2_000);
      expect(answer.ok && Health.parse(answer.body)).toMatchObject({
        service: name,
        pid: mesh.of(name).pid,
        ready: true,
      });
    }
    for (const name of NAMES) expect(await mesh.of(name).stop(), mesh.of(name).log()).toBe(0);
  });

  test.each(NAMES)("%s names every fault of its environment at once, and does not start", (name) => {
    const run = spawnSync(process.execPath, [join(ROOT, "services", name, "src/main.ts")], {
      encoding: "utf8",
      env: {
        PATH: process.env["PATH"] ?? "",
        JM_PREFIX: "No!",
        JM_REPLICAS: "many",
        JM_LOG_LEVEL: "loud",
        JM_ROOT_USER: "",
      },
    });
    expect(run.status).toBe(1);
    for (const variable of ["JM_PREFIX", "JM_REPLICAS", "JM_LOG_LEVEL"])
      expect(run.stderr).toContain(variable);
    expect(run.stderr).not.toContain("JM_ROOT_USER");
  });

  test("comes back by itself after the broker was killed: the next request is served", async () => {
    await using mesh = await startMesh();
    const client = await mesh.client();
    await applyDocuments(client, loopDocuments([{ shell: ["true"] }]));
    await client.request("jet.create", { template: "loop", reference: "one", wait: true });
    await mesh.server.kill();
    await mesh.server.restart();
    await eventually(
      "a turn after the restart",
      async () => {
        const reply = await client.request<{ outcome: string }>(
          "jet.trigger",
          { jet: "one", action: "turn", wait: true, key: "after" },
          5_000,
        );
        return reply.outcome === "SUCCESS" ? true : undefined;
      },
      { withinMs: 15_000 },
    );
    for (const name of NAMES) expect(await mesh.of(name).stop(), mesh.of(name).log()).toBe(0);
  });

  test("waits for a broker that is not there yet, and for the streams that a state-store makes", async () => {
    const server = await startNatsServer();
    await server.kill();
    await using mesh = await startMesh({
      services: { gateway: 0, authz: 0, "state-store": 0, "lifecycle-ticker": 0, "flight-plan-runner": 0 },
    });
    const starting = NAMES.toReversed().map((name) => mesh.start(name, { NATS_URL: server.url }));
    await server.restart();
    await Promise.all(starting);
    await Promise.all(mesh.services.map((service) => service.stop()));
    await server.stop();
  });
});

describe("without authz", () => {
  test("nothing is decided: the API answers unavailable, a trigger stays in its stream and runs when authz is back", async () => {
    await using mesh = await startMesh();
    const client = await mesh.client();
    await applyDocuments(client, loopDocuments([{ shell: ["true"] }]));
    await client.request("jet.create", { template: "loop", reference: "one", wait: true });
    await mesh.of("authz").stop();
    await expect(client.request("jet.trigger", { jet: "one", action: "turn" })).rejects.toMatchObject({
      code: "unavailable",
    });
    await client.publishTrigger("one", "turn", {});
    await eventually("the trigger to be held back", () =>
      mesh.of("state-store").log().includes("trigger stays in its stream") ? true : undefined,
    );
    expect((await client.connection.jsm.streams.info("JM_TRIGGERS")).state.messages).toBe(1);
    await mesh.start("authz");
    await eventually("the trigger to be taken and its action to end", async () => {
      const history = await client.connection.jsm.streams.info("JM_HISTORY");
      return history.state.messages === 2 ? true : undefined;
    });
  });
});
