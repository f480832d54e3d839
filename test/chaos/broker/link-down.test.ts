import { allHistory, eventually, startMesh, startNatsServer } from "@jetmesh/testkit";
import { expect, test } from "vitest";
import { isAlive, longSteps } from "../../support/long-step.ts";
import { createNamespace } from "../../support/network-namespace.ts";
import { passed } from "../../support/outage.ts";
import { named, whyNotRoot } from "../../support/root-only.ts";
import { noneRestarted } from "../../support/serving.ts";

const WHY_NOT = whyNotRoot("ip");
/** Design §8: one cut off by the network is taken over within 20 s. */
const TAKEN_OVER_MS = 20_000;
/** Who judges by a presence must have been connected for as long as one lasts. */
const PRESENCE_MS = 15_000;

test.skipIf(WHY_NOT !== undefined)(
  named(
    "a runner whose link is down ends its own work, is taken over within 20 s, and serves again once the link is up",
    WHY_NOT,
  ),
  async () => {
    using namespace = createNamespace();
    const server = await startNatsServer({ host: namespace.host });
    await using mesh = await startMesh({ broker: server, services: { "flight-plan-runner": 0 } });
    const client = await mesh.client();
    const judging = performance.now();
    const far = await mesh.start("flight-plan-runner", {}, ["ip", "netns", "exec", namespace.name]);
    const steps = await longSteps(mesh, client);
    const step = await steps.begin("one");
    const again = await longSteps(mesh, client, { idempotent: true });
    const repeated = await again.begin("two");
    expect([step.holder, repeated.holder]).toEqual([far, far]);
    const other = await mesh.start("flight-plan-runner");
    await passed(PRESENCE_MS + 1_000, judging);

    namespace.setLink("down");
    const since = performance.now();
    const runs = (): boolean => isAlive(step.pid) || isAlive(repeated.pid);
    await eventually("it to end what it runs", () => (runs() ? undefined : true), { withinMs: 14_000 });
    const endedAt = performance.now() - since;
    expect(await step.ended(TAKEN_OVER_MS)).toMatchObject({ error: { code: "step_interrupted" } });
    await eventually("the other to run the idempotent step", () =>
      repeated.runs() === 2 ? true : undefined,
    );
    const takenOverAt = performance.now() - since;
    expect(takenOverAt).toBeLessThan(TAKEN_OVER_MS);
    expect(endedAt).toBeLessThan(takenOverAt);
    repeated.finish();
    expect(await repeated.ended()).toMatchObject({ outcome: "SUCCESS", attempt: 2 });

    namespace.setLink("up");
    await eventually(
      "what it had to be in the history as late",
      async () => {
        const late = (await allHistory(client.connection, client.names)).filter(
          ({ what }) => what === "late",
        );
        return [step, repeated].every(({ id }) => late.some((entry) => entry.id === id)) ? true : undefined;
      },
      { withinMs: 15_000 },
    );
    expect([step.runs(), repeated.runs()]).toEqual([1, 2]);
    expect(noneRestarted(mesh)).toBe(true);
    await other.stop();
    const after = await steps.begin("after");
    expect(after.holder).toBe(far);
    after.finish();
    expect(await after.ended()).toMatchObject({ outcome: "SUCCESS" });
  },
);
