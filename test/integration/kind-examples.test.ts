import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { CreatedAction, LogsReply } from "@jetmesh/protocol";
import { eventually, startMesh, type TestMesh } from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runsOf } from "../support/runs.ts";

/** The programs of examples/kinds, as somebody would run them. */
const EXAMPLES = join(import.meta.dirname, "../../examples/kinds");
let mesh: TestMesh;
let client: MeshClient;
let jobs: Server;
let url: string;
const started = new Map<string, number>();

beforeAll(async () => {
  mesh = await startMesh();
  client = await mesh.client();
  await Promise.all(
    ["order", "release", "export-job"].map((name) => mesh.startRunner(join(EXAMPLES, `${name}.ts`))),
  );
  // A server of jobs: each is done when it has been asked for twice.
  jobs = createServer((request, response) => {
    const id = request.headers["idempotency-key"] ?? request.url?.split("/").at(-1) ?? "";
    const asked = (started.get(String(id)) ?? -1) + 1;
    started.set(String(id), asked);
    const job = asked < 2 ? { id, status: "running" } : { id, status: "done", file: `${String(id)}.csv` };
    response.end(JSON.stringify(job));
  });
  await new Promise<void>((resolve) => jobs.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${String((jobs.address() as AddressInfo).port)}`;
}, 60_000);
afterAll(async () => {
  jobs.close();
  await mesh.stop();
});

const create = (kind: string, argument: object, more: object = { wait: true }): Promise<CreatedAction> =>
  client.request<CreatedAction>("action.create", { kind, argument, ...more });
const { get } = runsOf(() => client);
const logOf = async (id: string): Promise<string> => {
  const { items } = await client.request<LogsReply>("action.logs", { id });
  return items.map(({ data }) => Buffer.from(data, "base64").toString()).join("");
};

test("a job of another server is started once, and asked for until it is done", async () => {
  const made = await create("export-job", { server: url, table: "orders" });
  expect(made).toMatchObject({ outcome: "SUCCESS", result: { file: `${made.actionId}.csv` } });
});

test("an order goes through, and is rolled back later: paid back, then given back", async () => {
  const made = await create("order", { item: "bike", cents: 500, to: "Ulm" });
  expect(made).toMatchObject({ outcome: "SUCCESS", result: "bike is on its way to Ulm" });
  await client.request("action.rollback", { id: made.actionId });
  await eventually("it to be undone", async () =>
    (await get(made.actionId)).state === "REVERTED" ? true : undefined,
  );
  const [reserved, paid] = (await get(made.actionId)).steps ?? [];
  expect(await logOf(reserved?.child ?? "")).toBe("reserved bike\ngave bike back\n");
  expect(await logOf(paid?.child ?? "")).toBe("took 500\npaid 500 back\n");
});

test("an order that cannot be shipped is compensated for by its own code", async () => {
  const made = await create("order", { item: "bike", cents: 500, to: "nowhere" });
  expect(made).toMatchObject({ outcome: "ERROR", error: { code: "no_such_place" } });
  const { steps = [] } = await get(made.actionId);
  expect(steps.map(({ ref, end }) => [ref, end?.outcome])).toEqual([
    ["reserve", "SUCCESS"],
    ["pay", "SUCCESS"],
    ["ship", "ERROR"],
    ["refund", "SUCCESS"],
  ]);
});

test("a release waits for somebody who approves of it", async () => {
  const { actionId: id } = await create("release", { version: "7" }, {});
  await eventually("it to wait", async () => ((await get(id)).state === "IN_PROGRESS" ? true : undefined));
  await client.request("action.signal", { id, name: "approved", payload: { by: "ada" } });
  expect(await client.ended(id)).toMatchObject({
    outcome: "SUCCESS",
    result: { images: ["api:7", "web:7"], approvedBy: "ada" },
  });
});
