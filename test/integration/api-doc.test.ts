import { readFileSync } from "node:fs";
import { join } from "node:path";
import { API_REQUESTS, type CreatedAction, type Endpoint } from "@jetmesh/protocol";
import { eventually, startMesh } from "@jetmesh/testkit";
import { expect, test } from "vitest";

/** Every endpoint is in docs/api.md with a request and what it answers, and answers that. */
const ROOT = join(import.meta.dirname, "../..");
const PAGE = readFileSync(join(ROOT, "docs/api.md"), "utf8");

interface Example {
  readonly endpoint: Endpoint;
  readonly request: Record<string, unknown>;
  readonly answer: unknown;
}

const EXAMPLES: readonly Example[] = PAGE.split(/^### /m)
  .slice(1)
  .map((section) => {
    const [, endpoint = ""] = /^`([a-z.]+)`/.exec(section) ?? [];
    const [request, answer] = [...section.matchAll(/```json\n([^]*?)\n```/g)].map(([, json = ""]): unknown =>
      JSON.parse(json),
    ) as [Record<string, unknown>, unknown];
    return { endpoint: endpoint as Endpoint, request, answer };
  });

/** Whether a value has all that an example shows of it. */
function shows(actual: unknown, shown: unknown, path = ""): string[] {
  if (shown === "…") return actual === undefined ? [`${path} is not there`] : [];
  if (typeof shown !== "object" || shown === null)
    return actual === shown ? [] : [`${path} is ${JSON.stringify(actual)}, not ${JSON.stringify(shown)}`];
  if (typeof actual !== "object" || actual === null) return [`${path} is ${JSON.stringify(actual)}`];
  return Object.entries(shown).flatMap(([key, value]) =>
    shows((actual as Record<string, unknown>)[key], value, `${path}.${key}`),
  );
}

test("every endpoint is in the page, and nothing else", () => {
  expect(EXAMPLES.map(({ endpoint }) => endpoint).sort()).toEqual(Object.keys(API_REQUESTS).sort());
});

test("each example is taken, and answered as it says", async () => {
  await using mesh = await startMesh();
  const client = await mesh.client();
  await mesh.startRunner(join(ROOT, "examples/kinds/greet.ts"));
  const sleeping = await client.request<CreatedAction>("action.create", {
    kind: "greet",
    argument: { name: "later" },
    notBefore: new Date(Date.now() + 3_600_000).toISOString(),
  });
  await mesh.startRunner(join(ROOT, "examples/kinds/order.ts"));
  const undoable = await client.request<CreatedAction>("action.create", {
    ...{ kind: "reserve", argument: { item: "bike" }, wait: true },
  });
  client.connection.nc.publish(client.names.trigger.of("root", "box1", "greet"), "no json");
  await eventually("the dead letter", async () => {
    const { items } = await client.request<{ items: unknown[] }>("dead.list");
    return items.length > 0 ? true : undefined;
  });
  const known: Record<string, string> = { $sleeping: sleeping.actionId, $undoable: undoable.actionId };
  const wrong: string[] = [];
  for (const { endpoint, request, answer } of EXAMPLES) {
    const body = Object.fromEntries(
      Object.entries(request).map(([key, value]) => [
        key,
        typeof value === "string" && value.startsWith("$") ? known[value] : value,
      ]),
    );
    const given = await client.request(endpoint, body).catch((error: unknown) => error);
    if (endpoint === "jet.trigger") known["$triggered"] = (given as CreatedAction).actionId;
    wrong.push(...shows(given, answer).map((fault) => `${endpoint}${fault}: ${JSON.stringify(given)}`));
    if (endpoint !== "action.list") continue;
    // Closed a moment after its end is told.
    await eventually("the triggered action to be closed", async () => {
      const { state } = await client.request<{ state: string }>("action.get", { id: known["$triggered"] });
      return state === "CLOSED" ? true : undefined;
    });
  }
  expect(wrong).toEqual([]);
}, 60_000);
