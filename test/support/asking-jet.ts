import type { MeshClient } from "@jetmesh/client";
import { applyDocuments, planDocument, stateDocument } from "@jetmesh/testkit";

/** A jet whose action `turn` waits for a person, who may be who has triggered it. Named to stand behind all others. */
export async function makeAskingJet(client: MeshClient): Promise<void> {
  const edge = (reference: string, more: object): object => ({
    ...{ reference, name: reference, transit: "zmoving", to: "zresting" },
    ...more,
  });
  await applyDocuments(client, [
    ...["zmoving", "zresting"].map(stateDocument),
    planDocument("zask", [{ reference: "ok", approve: { message: "Shall it?", own: true } }]),
    {
      ...{ apiVersion: "jetmesh/v1", kind: "Template", reference: "zask", name: "zask" },
      actions: [edge("create", {}), edge("turn", { from: "zresting", plan: "zask" })],
    },
  ]);
  await client.request("jet.create", { template: "zask", reference: "zask1", wait: true });
}
