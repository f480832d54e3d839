import type { MeshClient } from "@jetmesh/client";
import type { JetRecord } from "@jetmesh/protocol";
import {
  allJets,
  type Document,
  eventually,
  planDocument,
  stateDocument,
  type TestMesh,
  type TestService,
} from "@jetmesh/testkit";

/** A template whose jets are stopped and running: create, start, stop, restart, destroy; everybody may use it. */
export function switchTemplate(
  reference: string,
  more: Document = {},
  plans: Readonly<Record<string, string>> = {},
): Document {
  const edge = (name: string, rest: Document): Document => ({
    reference: name,
    accessLevel: "user",
    transit: "moving",
    ...(plans[name] === undefined ? {} : { plan: plans[name] }),
    ...rest,
  });
  return {
    apiVersion: "jetmesh/v1",
    kind: "Template",
    reference,
    accessLevel: "user",
    actions: [
      edge("create", { to: "stopped" }),
      edge("start", { from: "stopped", to: "running" }),
      edge("stop", { from: "running", to: "stopped" }),
      edge("restart", { from: "running", to: "running" }),
      edge("destroy", { from: "stopped" }),
    ],
    ...more,
  };
}

export const SWITCH_STATES: readonly Document[] = ["moving", "stopped", "running"].map(stateDocument);
export const FAILING = planDocument("failing", [{ shell: "exit 1" }]);

/** The code of a refusal, or how the action ended. */
export const answerTo = (
  client: MeshClient,
  jet: string,
  action: string,
  more: Record<string, unknown> = {},
): Promise<string> =>
  client
    .request<{ outcome: string }>("jet.trigger", { jet, action, wait: true, timeoutMs: 20_000, ...more })
    .then(
      ({ outcome }) => outcome,
      (thrown: unknown) => (thrown as { code: string }).code,
    );

export const makeJet = (client: MeshClient, template: string, reference: string): Promise<string> =>
  client
    .request<{ outcome: string }>("jet.create", { template, reference, wait: true, timeoutMs: 20_000 })
    .then(
      ({ outcome }) => outcome,
      (thrown: unknown) => (thrown as { code: string }).code,
    );

export async function recordOf(client: MeshClient, reference: string): Promise<JetRecord> {
  const found = (await allJets(client.connection, client.names)).find((jet) => jet.reference === reference);
  if (found === undefined) throw new Error(`there is no record of ${reference}`);
  return found;
}

export const livingOf = async (client: MeshClient, template: string): Promise<string[]> =>
  (await allJets(client.connection, client.names))
    .filter((jet) => jet.template === template && jet.destroyedAt === undefined)
    .map(({ reference }) => reference);

export const withoutHolds = (client: MeshClient, reference: string, withinMs = 20_000): Promise<true> =>
  eventually(
    `nobody to hold ${reference}`,
    async () => ((await recordOf(client, reference)).heldBy === undefined ? true : undefined),
    { withinMs, everyMs: 100 },
  );

/** A state-store that dies at a fault, alone on the mesh, so that it is the one that gets there. */
export async function onlyWithFault(mesh: TestMesh, fault: string): Promise<TestService> {
  const others = mesh.services.filter((service) => service.name === "state-store" && service.isRunning());
  const faulted = await mesh.start("state-store", { JM_FAULTS: fault });
  await Promise.all(others.map((service) => service.stop()));
  return faulted;
}
