import { eventually, startMesh, startNatsCluster, startNatsServer } from "@jetmesh/testkit";
import { expect, test } from "vitest";
import { startLoad } from "../../support/load.ts";
import { passed } from "../../support/outage.ts";
import { noneRestarted } from "../../support/serving.ts";

const SERVICES = ["state-store", "authz", "gateway", "lifecycle-ticker", "flight-plan-runner"] as const;

test("services that are started before the nodes of their cluster wait for them, and serve by themselves", async () => {
  const cluster = await startNatsCluster({ nodes: 3 });
  await using mesh = await startMesh({
    broker: cluster,
    env: { JM_REPLICAS: "3" },
    services: Object.fromEntries(SERVICES.map((name) => [name, 0])),
  });
  const [first, second, third] = cluster.nodes;
  await Promise.all([second?.kill(), third?.kill()]);
  const starting = Promise.all(SERVICES.map((name) => mesh.start(name, { NATS_URL: first?.url ?? "" })));
  starting.catch(() => undefined);

  // One of three: nobody leads, or does not for long.
  await eventually(
    "the services to say that they wait",
    () => (mesh.logs().includes("the broker cannot do it yet") ? true : undefined),
    { withinMs: 20_000, lastSeen: () => mesh.logs().slice(-1_500) },
  );
  await Promise.all([second?.restart(), third?.restart()]);
  await starting;
  const client = await mesh.client();
  const load = await startLoad(client, { jets: 3 });
  await load.progress(10);
  await load.stop();
  expect(await load.faults()).toEqual([]);
  expect(noneRestarted(mesh)).toBe(true);
});

test("a service that is started long before its broker serves once that is there", async () => {
  const server = await startNatsServer();
  await using mesh = await startMesh({ broker: server });
  await server.kill();
  const starting = mesh.start("gateway");
  starting.catch(() => undefined);
  await passed(12_000, performance.now());
  await server.restart();
  await starting;
  expect(noneRestarted(mesh)).toBe(true);
});
