import type { MeshClient } from "@jetmesh/client";
import { type Proxy, type ServiceName, startMesh, startProxy, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startLoad } from "../support/load.ts";
import { passed } from "../support/outage.ts";
import { noneRestarted, untilAllServe } from "../support/serving.ts";

const SERVICES: readonly ServiceName[] = [
  "state-store",
  "authz",
  "gateway",
  "lifecycle-ticker",
  "flight-plan-runner",
];

let mesh: TestMesh;
let client: MeshClient;
const proxies = new Map<ServiceName, Proxy>();
beforeAll(async () => {
  mesh = await startMesh({ services: Object.fromEntries(SERVICES.map((name) => [name, 0])) });
  await Promise.all(
    SERVICES.map(async (name) => {
      const proxy = await startProxy(mesh.server.port);
      proxies.set(name, proxy);
      await mesh.start(name, { NATS_URL: proxy.url });
    }),
  );
  client = await mesh.client();
});
afterAll(async () => {
  await Promise.all([...proxies.values()].map((proxy) => proxy.close()));
  await mesh.stop();
});
const proxyOf = (name: ServiceName): Proxy => {
  const proxy = proxies.get(name);
  if (proxy === undefined) throw new Error(`no proxy for ${name}`);
  return proxy;
};

describe.each(SERVICES)("%s", (name) => {
  test("whose connection hears nothing for longer than it takes for one that stands serves again, and each trigger ends once", async () => {
    const load = await startLoad(client, { name: `frozen-${name}` });
    await load.progress(5);
    proxyOf(name).freeze();
    await passed(6_500, performance.now());
    proxyOf(name).thaw();
    expect(await untilAllServe(mesh, client, 5_000)).toBeLessThan(5_000);
    await load.progress(5, 15_000);
    await load.stop();
    expect(await load.faults()).toEqual([]);
    expect(noneRestarted(mesh)).toBe(true);
  });
});
