import type { MeshClient } from "@jetmesh/client";
import { type Proxy, type ServiceName, startMesh, startProxy, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startLoad } from "../../support/load.ts";
import { noneRestarted, untilAllServe } from "../../support/serving.ts";

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
  test("whose connection is cut again and again serves again within 5 s, and each trigger ends once", async () => {
    const load = await startLoad(client, { name: `cut-${name}` });
    for (let cut = 0; cut < 3; cut += 1) {
      await load.progress(5);
      proxyOf(name).cut();
    }
    expect(await untilAllServe(mesh, client, 5_000)).toBeLessThan(5_000);
    await load.progress(5, 5_000);
    await load.stop();
    expect(await load.faults()).toEqual([]);
    expect(noneRestarted(mesh)).toBe(true);
  });
});
