import type { MeshClient } from "@jetmesh/client";
import { JetRecord } from "@jetmesh/protocol";
import { applyDocuments, type TestMesh } from "@jetmesh/testkit";
import { DeliverPolicy } from "@nats-io/jetstream";
import { expect } from "vitest";
import { answerTo, makeJet, onlyWithFault, SWITCH_STATES, switchTemplate } from "./required-jets.ts";

/**
 * Apps start and stop, and so do the databases that they require, all at once, by two state-stores, one of which dies
 * between the writes. In the order of the stream, an app that runs always holds a database that runs.
 */
export interface Watch {
  readonly wrong: string[];
  /** How often an app was seen to run. */
  readonly ran: () => number;
  stop(): Promise<void>;
}

/** Looks at every record as it is written, in the order of the stream. */
async function watchJets(root: MeshClient): Promise<Watch> {
  const stream = root.names.kvStream(root.names.buckets.jets);
  const consumer = await root.connection.js.consumers.get(stream, { deliver_policy: DeliverPolicy.All });
  const messages = await consumer.consume();
  const jets = new Map<string, JetRecord>();
  const wrong: string[] = [];
  let ran = 0;
  const looking = (async () => {
    for await (const message of messages) {
      if (message.data.length === 0) continue;
      const jet = JetRecord.parse(message.json());
      jets.set(jet.reference, jet);
      if (jet.reference.startsWith("app") && jet.state === "running") ran += 1;
      for (const app of jets.values()) {
        if (!app.reference.startsWith("app") || app.state !== "running") continue;
        const held = (app.holds ?? []).map((hold) => jets.get(hold.jet)?.state);
        if (held.length === 1 && held[0] === "running") continue;
        wrong.push(
          `at ${String(message.seq)} ${app.reference} runs on ${JSON.stringify(app.holds)}, ${String(held)}`,
        );
      }
    }
  })();
  return {
    wrong,
    ran: () => ran,
    async stop() {
      await messages.close();
      await looking;
    },
  };
}

export const APPS = ["app1", "app2"];
export const DBS = ["db1", "db2"];

/** Everybody at it at once; what a dying state-store had is not waited for long. */
export async function strive(root: MeshClient, rounds: number): Promise<Set<string>> {
  const seen = new Set<string>();
  const toggle = async (jet: string): Promise<void> => {
    for (let round = 0; round < rounds; round += 1)
      for (const action of ["start", "stop"])
        seen.add(await answerTo(root, jet, action, { timeoutMs: 2_000 }));
  };
  await Promise.all([...APPS, ...DBS, ...DBS].map(toggle));
  return seen;
}

/** Two of each, stopped, and who watches them. */
export async function startRace(root: MeshClient): Promise<Watch> {
  await applyDocuments(root, [
    ...SWITCH_STATES,
    switchTemplate("dbs"),
    switchTemplate("apps", { requires: [{ template: "dbs", state: "running", actions: ["start"] }] }),
  ]);
  for (const db of DBS) expect(await makeJet(root, "dbs", db)).toBe("SUCCESS");
  for (const app of APPS) expect(await makeJet(root, "apps", app)).toBe("SUCCESS");
  return watchJets(root);
}

/** They are at it while a state-store dies at a fault, and two others go on. */
export async function striveWith(mesh: TestMesh, root: MeshClient, fault: string): Promise<void> {
  const dying = await onlyWithFault(mesh, fault);
  // How often they come to that point in so many rounds is chance: they go on until one has died there.
  const striving = (async (): Promise<void> => {
    do await strive(root, 6);
    while (dying.isRunning());
  })();
  await dying.gone;
  await Promise.all([mesh.start("state-store"), mesh.start("state-store")]);
  await striving;
  await strive(root, 10);
}
