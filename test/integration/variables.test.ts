import type { MeshClient } from "@jetmesh/client";
import type { TriggerReply } from "@jetmesh/protocol";
import {
  applyDocuments,
  type Document,
  eventually,
  planDocument,
  startMesh,
  type TestMesh,
  userDocument,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { planRunsOf } from "../support/plan-runs.ts";

/** Which of several values of one name a plan sees: the run's, the jet's, the template's, the mesh's, the plan's own. */
let mesh: TestMesh;
let client: MeshClient;
const plans = planRunsOf(() => client);
const { begin, ended, get, said, say } = plans;

const variables = (reference: string, values: object): Document => ({
  apiVersion: "jetmesh/v1",
  kind: "Variables",
  reference,
  variables: values,
});

beforeAll(async () => {
  mesh = await startMesh();
  client = await mesh.client();
});
afterAll(async () => {
  await mesh.stop();
  plans.remove();
});

const SEEN = "{{ a }} {{ b }} {{ c }} {{ d }} {{ e }} $JM_VAR_D";
const shown = (): string | undefined => said().at(-1);

/** Another run of the jet that the last plan was begun on. */
async function again(jet: string, request: object, by = client): Promise<string> {
  const { actionId = "" } = await by.request<TriggerReply>("jet.trigger", {
    jet,
    action: "turn",
    // The run before has ended, and the jet is about to know.
    onBusy: "queue",
    ...request,
  });
  await ended(actionId);
  return actionId;
}

describe("a plan sees a name", () => {
  let jet: string;
  test("of the jet before the template's, the mesh's and its own", async () => {
    await applyDocuments(client, [variables("net", { b: "mesh", c: "mesh", d: "mesh" })]);
    const plan = { variables: { a: "plan", b: "plan", c: "plan", d: "plan", e: "plan" } };
    const first = await ended(await begin([{ shell: say(SEEN) }], plan, { variables: { d: "jet" } }));
    expect(first.outcome).toBe("SUCCESS");
    expect(shown()).toBe("plan mesh mesh jet plan jet");
    jet = first.jet ?? "";
    const template = await client.request<Document>("template.get", { reference: first.template });
    await client.request("template.apply", { ...template, variables: { c: "template", d: "template" } });
    await again(jet, {});
    expect(shown()).toBe("plan mesh template jet plan jet");
  });

  test("of the run before all of them, for that run alone", async () => {
    const id = await again(jet, { variables: { d: "run", e: { deep: [1] } } });
    expect(shown()).toBe("plan mesh template run {deep:[1]} run");
    expect((await get(id)).definition.variables).toMatchObject({ d: "run" });
    await again(jet, {});
    expect(shown()).toBe("plan mesh template jet plan jet");
  });

  test("of the run also where the trigger came by the stream, or waited for its turn", async () => {
    const before = said().length;
    for (const d of ["one", "two", "three"])
      await client.publishTrigger(jet, "turn", { variables: { d }, onBusy: "queue" });
    const seen = (): (string | undefined)[] =>
      said()
        .slice(before)
        .map((line) => line.split(" ")[3]);
    await eventually("three more runs", () => (seen().length === 3 ? true : undefined), { lastSeen: seen });
    expect(seen()).toEqual(["one", "two", "three"]);
  });

  test("of the mesh as it is when the action begins", async () => {
    await applyDocuments(client, [variables("net", { b: "changed", c: "mesh", d: "mesh" })]);
    await again(jet, {});
    expect(shown()).toBe("plan changed template jet plan jet");
    await client.request("variables.delete", { reference: "net" });
    await again(jet, {});
    expect(shown()).toBe("plan plan template jet plan jet");
  });

  test("of the run only where who triggers may change the jet", async () => {
    await applyDocuments(client, [
      userDocument("ann", "user"),
      userDocument("max", "manager"),
      planDocument("nothing", [{ wait: 0 }]),
    ]);
    await client.request("jet.update", { reference: jet, users: ["ann"], managers: ["max"] });
    const template = await client.request<{ actions: Document[] }>("template.get", {
      reference: (await client.request<{ template: string }>("jet.get", { reference: jet })).template,
    });
    const actions = template.actions.map((one) => ({ ...one, accessLevel: "user" }));
    await client.request("template.apply", { ...template, actions });
    const ann = await mesh.client("ann");
    await again(jet, {}, ann);
    const asked = ann.request("jet.trigger", { jet, action: "turn", variables: { d: "hers" } });
    await expect(asked).rejects.toMatchObject({ code: "forbidden" });
    await again(jet, { variables: { d: "his" } }, await mesh.client("max"));
    expect(shown()).toContain(" his ");
    const before = said().length;
    await ann.publishTrigger(jet, "turn", { variables: { d: "hers" } });
    await again(jet, {}, ann);
    expect(said().slice(before)).toHaveLength(1);
  });
});

describe("sets of variables", () => {
  test("are refused where two name the same, or all are too large", async () => {
    await applyDocuments(client, [variables("one", { zone: "a" })]);
    const clash = applyDocuments(client, [variables("two", { port: 1, zone: "b" })]);
    await expect(clash).rejects.toMatchObject({
      code: "invalid_request",
      details: {
        faults: [{ path: ["variables", "zone"], message: "variables 'one' have 'zone' already" }],
      },
    });
    const large = applyDocuments(client, [variables("large", { text: "x".repeat(33_000) })]);
    await expect(large).rejects.toMatchObject({ code: "invalid_request" });
    // Moved from one set to another in one go.
    await applyDocuments(client, [variables("one", {}), variables("two", { zone: "b" })]);
  });
});
