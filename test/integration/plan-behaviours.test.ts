import { rmSync } from "node:fs";
import type { MeshClient } from "@jetmesh/client";
import type { TriggerReply } from "@jetmesh/protocol";
import {
  applyDocuments,
  eventually,
  loopDocuments,
  planDocument,
  startMesh,
  type TestMesh,
  userDocument,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { planRunsOf, wayOf } from "../support/plan-runs.ts";

/** What flight plans are known to do where they come from, and what was wrong with it there and is not here. */
let mesh: TestMesh;
let client: MeshClient;
const plans = planRunsOf(() => client);
const { say, said, run, begin, ended } = plans;

beforeAll(async () => {
  mesh = await startMesh();
  client = await mesh.client();
  await applyDocuments(client, [
    planDocument("good", [{ reference: "does", shell: say("good {{ who | default: 'nobody' }}") }]),
    planDocument("bad", [
      { reference: "fails", shell: `${say("bad")}; exit 4` },
      { reference: "never", shell: say("never") },
    ]),
  ]);
});
afterAll(async () => {
  await mesh.stop();
  plans.remove();
});
beforeEach(() => rmSync(`${plans.folder}/said`, { force: true }));

const call = (reference: string, more: object = {}): Record<string, unknown> => ({
  reference: `call-${reference}`,
  plan: reference,
  ...more,
});

describe("a plan of plans", () => {
  test("runs them one after another, and each of their steps has its place in the journal", async () => {
    const record = await run([call("good"), { reference: "again", plan: "good" }]);
    expect([record.outcome, said()]).toEqual(["SUCCESS", ["good nobody", "good nobody"]]);
    expect(wayOf(record)).toEqual(["call-good/does SUCCESS", "again/does SUCCESS"]);
  });

  test("ends with the first that fails, and does not begin the second", async () => {
    const record = await run([call("bad"), call("good")]);
    expect([record.outcome, said()]).toEqual(["ERROR", ["bad"]]);
    expect(record.error?.message).toContain("step 'call-bad/fails': exited with code 4");
  });

  test("ends with the second where that fails, with all that the first had done", async () => {
    const record = await run([call("good"), call("bad")]);
    expect([record.outcome, said()]).toEqual(["ERROR", ["good nobody", "bad"]]);
  });

  test("goes by the code of the one that it called", async () => {
    const record = await run([call("bad", { onExit: [{ when: "code == 4", do: "next" }] }), call("good")]);
    expect([record.outcome, said()]).toEqual(["SUCCESS", ["bad", "good nobody"]]);
  });

  test("leaves out a child whose condition does not hold, and runs one whose condition does", async () => {
    const record = await run([call("bad", { when: "1 > 2" }), call("good", { when: "2 > 1" })]);
    expect([record.outcome, said()]).toEqual(["SUCCESS", ["good nobody"]]);
    expect(wayOf(record)).toEqual(["call-bad SKIPPED", "call-good/does SUCCESS"]);
  });

  test("of which none is to run has succeeded, and says so of each", async () => {
    const record = await run([
      call("bad", { when: "false" }),
      { reference: "two", shell: "false", when: "false" },
    ]);
    expect([record.outcome, wayOf(record)]).toEqual(["SUCCESS", ["call-bad SKIPPED", "two SKIPPED"]]);
  });
});

describe("a plan", () => {
  test("of no steps is refused when it is applied", async () => {
    await expect(applyDocuments(client, [planDocument("empty", [])])).rejects.toMatchObject({
      code: "invalid_request",
    });
  });

  test("whose last step failed has succeeded where a rule takes that for none: the last step is no exception", async () => {
    const record = await run([
      { shell: "true" },
      { shell: "exit 9", onExit: [{ when: "code == 9", do: "next" }] },
    ]);
    expect(record.outcome).toBe("SUCCESS");
  });

  test("asks a condition once, before its step, whatever the step makes of it", async () => {
    const record = await run([
      { reference: "set", shell: "echo 1", capture: { n: "int(stdout)" } },
      { reference: "used", when: "outputs.set.n == 1", shell: say("used"), capture: { n: "2" } },
      { reference: "after", when: "outputs.used.n == 2", shell: say("after") },
    ]);
    expect([record.outcome, said()]).toEqual(["SUCCESS", ["used", "after"]]);
  });

  test("keeps what its steps captured to itself: the next run knows nothing of it", async () => {
    const record = await run([
      {
        reference: "one",
        shell: "echo secretish",
        capture: { word: "stdout" },
        when: "!('skip' in argument)",
      },
      { reference: "two", shell: say("{{ outputs.one.word | default: 'unknown' }}") },
    ]);
    const again = await client.request<TriggerReply>("jet.trigger", {
      jet: record.jet,
      action: "turn",
      argument: { skip: true },
      // It has ended, and its jet is about to know.
      onBusy: "queue",
      wait: true,
    });
    expect([again.outcome, said()]).toEqual(["SUCCESS", ["secretish", "unknown"]]);
  });

  test("of a level above who may trigger it runs all the same, and is not shown to them", async () => {
    await applyDocuments(client, [userDocument("ann", "user")]);
    const record = await run([{ reference: "hidden", shell: say("ran") }], { accessLevel: "root" });
    await client.request("jet.update", { reference: record.jet, users: ["ann"] });
    const ann = await mesh.client("ann");
    const { actionId, outcome } = await ann.request<TriggerReply>("jet.trigger", {
      jet: record.jet,
      action: "turn",
      onBusy: "queue",
      wait: true,
    });
    expect([outcome, said()]).toEqual(["SUCCESS", ["ran", "ran"]]);
    const shown = await ann.request<{ definition: object }>("action.get", { id: actionId });
    expect(JSON.stringify(shown.definition)).not.toContain("echo");
  });

  test("that is stopped ends what it runs at once, and leaves its jet where its error leads", async () => {
    const id = await begin([{ shell: `${say("begun")}; sleep 60` }, { shell: say("after") }]);
    await plans.until(id, "the step to run", () => said().length === 1);
    await client.request("action.cancel", { id });
    const record = await ended(id);
    expect([record.outcome, record.error?.code, said()]).toEqual(["ERROR", "canceled", ["begun"]]);
    await eventually("the jet to be broken", async () => {
      const { state } = await client.request<{ state?: string }>("jet.get", { reference: record.jet });
      return state === "broken" ? true : undefined;
    });
  });
});

describe("a step that triggers other jets", () => {
  test("tries all of them, and names each that failed with what it said", async () => {
    const fails = 'case "$JM_JET" in fleet-2|fleet-3) exit 5;; esac';
    await applyDocuments(client, loopDocuments([{ shell: `${say("$JM_JET")}; ${fails}` }], {}, "fleet"));
    for (const n of [1, 2, 3, 4])
      await client.request("jet.create", { template: "fleet", reference: `fleet-${String(n)}`, wait: true });
    const record = await run([{ reference: "all", jet: { template: "fleet", action: "turn" } }]);
    expect(said().toSorted()).toEqual(["fleet-1", "fleet-2", "fleet-3", "fleet-4"]);
    expect(record.outcome).toBe("ERROR");
    expect(record.error?.message).toMatch(
      /jet 'fleet-2': .*exited with code 5.*; jet 'fleet-3': .*exited with code 5/,
    );
    expect(record.error?.message).not.toContain("fleet-1");
  });

  test("of a template that there is not is refused when it is applied, and one without jets is an error", async () => {
    const unknown = planDocument("unknown", [{ jet: { template: "nothing", action: "turn" } }]);
    await expect(applyDocuments(client, [unknown])).rejects.toMatchObject({ code: "invalid_request" });
    await applyDocuments(client, loopDocuments([{ shell: "true" }], {}, "barren"));
    expect(await run([{ jet: { template: "barren", action: "turn" } }])).toMatchObject({
      error: { code: "unknown_jet" },
    });
    expect((await run([{ jet: { template: "barren", action: "turn", none: "skip" } }])).outcome).toBe(
      "SUCCESS",
    );
  });

  test("that have no such action is an error that says so", async () => {
    await applyDocuments(client, loopDocuments([{ shell: "true" }], {}, "plain"));
    await client.request("jet.create", { template: "plain", reference: "plain-1", wait: true });
    expect(await run([{ jet: { template: "plain", action: "fly" } }])).toMatchObject({
      error: { code: "unknown_action", message: expect.stringContaining("plain-1") as string },
    });
  });
});
