import { MeshError } from "@jetmesh/client";
import { allHistory, applyDocuments, eventually, loopDocuments, startMesh } from "@jetmesh/testkit";
import { expect, test } from "vitest";

/** More than a runner of two keeps up with, each taking a little while. */
const JETS = 400;
const BACKLOG = 100;

test("what runners cannot keep up with stays in its stream, the API answers overloaded, and nothing is lost", async () => {
  await using mesh = await startMesh({
    env: { JM_BACKLOG: String(BACKLOG) },
    services: { "flight-plan-runner": 0 },
  });
  await mesh.start("flight-plan-runner", { JM_CONCURRENCY: "2" });
  const client = await mesh.client();
  await applyDocuments(client, loopDocuments([{ shell: ["sleep", "0.03"] }]));
  const jets = Array.from({ length: JETS + 1 }, (_, n) => `jet${String(n)}`);
  await Promise.all(
    jets.map((reference) => client.request("jet.create", { template: "loop", reference, wait: true })),
  );
  const [asked = "", ...flooded] = jets;
  const half = JETS / 2;
  await Promise.all(flooded.slice(0, half).map((jet) => client.publishTrigger(jet, "turn")));

  const ask = async (): Promise<unknown> => {
    try {
      await client.request("jet.trigger", { jet: asked, action: "turn", onBusy: "queue" }, 5_000);
      return undefined;
    } catch (thrown) {
      return thrown;
    }
  };
  const refusal = await eventually("the API to be overloaded", ask, { withinMs: 20_000 });
  expect(refusal).toBeInstanceOf(MeshError);
  expect(refusal).toMatchObject({ code: "overloaded", details: { retryAfterMs: 1_000 } });
  // What comes now waits where it can be seen.
  await Promise.all(flooded.slice(half).map((jet) => client.publishTrigger(jet, "turn")));
  const { state } = await client.connection.jsm.streams.info(client.names.streams.triggers);
  expect(state.messages).toBe(half);

  await eventually(
    "every trigger to have ended",
    async () => {
      const closed = (await allHistory(client.connection, client.names)).filter(
        ({ what, action, outcome }) => what === "closed" && action === "turn" && outcome === "SUCCESS",
      );
      const done = new Set(closed.map(({ jet }) => jet));
      return flooded.every((jet) => done.has(jet)) ? true : undefined;
    },
    { withinMs: 40_000, everyMs: 200 },
  );
  await eventually(
    "the API to take triggers again",
    async () => ((await ask()) === undefined ? true : undefined),
    {
      withinMs: 5_000,
    },
  );
}, 90_000);
