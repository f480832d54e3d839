import type { MeshClient } from "@jetmesh/client";
import { type ActionRecord, LimitLook, type LimitView, type SlotCounts } from "@jetmesh/protocol";
import { ask } from "@jetmesh/storage";
import { applyDocuments, eventually, startMesh, type TestMesh, type TestService } from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  countsOf,
  type LimitedRuns,
  limitDocument,
  limitedRunsOf,
  nobodyHolds,
} from "../support/limited-runs.ts";

let mesh: TestMesh;
let root: MeshClient;
beforeAll(async () => {
  mesh = await startMesh({ services: { "state-store": 2 } });
  root = await mesh.client();
}, 60_000);
const all: LimitedRuns[] = [];
afterAll(async () => {
  await mesh.stop();
  for (const runs of all) runs.remove();
});

async function withRuns(run: (runs: LimitedRuns) => Promise<void>): Promise<void> {
  const runs = limitedRunsOf(() => root);
  all.push(runs);
  try {
    await run(runs);
    await nobodyHolds(root);
  } finally {
    runs.letGo();
  }
}
const lookAt = async (store: TestService, reference: string): Promise<SlotCounts> => {
  const subject = root.names.svc.ofInstance("state-store", store.instance, "limit-look");
  const answer = await ask(root.connection, subject, { v: 1, references: [reference] }, 5_000);
  const [counts] = answer.ok ? LimitLook.parse(answer.body).limits : [];
  if (counts === undefined) throw new Error(`${store.instance} says nothing of '${reference}'`);
  return counts;
};
const recordOf = (id: string): Promise<ActionRecord> => root.request<ActionRecord>("action.get", { id });

describe("actions with a limit", () => {
  test("run so many at a time and no more, all of them, with two state-stores", () =>
    withRuns(async (runs) => {
      await applyDocuments(root, [limitDocument("three", { concurrency: 3 })]);
      const jets = await runs.jets(20, { plan: { limits: ["three"] }, forSeconds: 0.1 });
      await Promise.all(jets.map((jet) => runs.turn(jet)));
      await runs.until("all to end", () => runs.ended().length === 20, 60_000);
      expect(runs.most()).toBe(3);
      expect(runs.begun().toSorted()).toEqual(jets.toSorted());
    }));

  test("are limited for each value of `per`, and what is made of no value has slots of its own", () =>
    withRuns(async (runs) => {
      await applyDocuments(root, [limitDocument("per-host", { concurrency: 1, per: "{{ host }}" })]);
      const jets = await runs.jets(6, {
        plan: { limits: ["per-host"] },
        variables: (index) => ({ host: `host${String(index % 3)}` }),
      });
      for (const jet of jets) await runs.turn(jet);
      await runs.until("one of each host to begin", () => runs.begun().length === 3);
      expect(runs.begun().toSorted()).toEqual(jets.slice(0, 3).toSorted());
      const { slots } = await eventually("the counts", async () => {
        const view = await root.request<LimitView>("limit.get", { reference: "per-host" });
        return view.slots?.waiting === 3 ? view : undefined;
      });
      expect(
        slots?.keys
          ?.map(({ value, running, waiting }) => ({ value, running, waiting }))
          .toSorted((a, b) => ((a.value ?? "") < (b.value ?? "") ? -1 : 1)),
      ).toEqual([0, 1, 2].map((n) => ({ value: `host${String(n)}`, running: 1, waiting: 1 })));
      runs.letGo();
      await runs.until("all to end", () => runs.ended().length === 6);
    }));

  test("are limited by their pool, and by the short form of their plan", () =>
    withRuns(async (runs) => {
      await applyDocuments(root, [limitDocument("of-default", { concurrency: 2, pools: ["default"] })]);
      const jets = await runs.jets(4, { plan: { concurrency: 1 } });
      for (const jet of jets) await runs.turn(jet);
      await runs.until("one to begin", () => runs.begun().length === 1);
      const others = await runs.jets(2);
      for (const jet of others) await runs.turn(jet);
      await runs.until("one more to begin", () => runs.begun().length === 2);
      await eventually("the others to wait", async () =>
        (await countsOf(root, "of-default")).waiting >= 1 ? true : undefined,
      );
      expect(runs.begun()).toEqual([jets[0], others[0]]);
      runs.letGo();
      await runs.until("all to end", () => runs.ended().length === 6);
      expect(runs.most()).toBe(2);
      await root.request("limit.delete", { reference: "of-default" });
    }));

  test("of several limits have a slot of each, and none deadlocks", () =>
    withRuns(async (runs) => {
      await applyDocuments(root, [
        limitDocument("left", { concurrency: 2 }),
        limitDocument("right", { concurrency: 1 }),
      ]);
      const both = await runs.jets(6, {
        plan: { limits: ["right"] },
        turn: { limits: ["left"] },
        forSeconds: 0.1,
      });
      const lefts = await runs.jets(6, { plan: { limits: ["left"] }, forSeconds: 0.1 });
      await Promise.all([...both, ...lefts].map((jet) => runs.turn(jet)));
      await runs.until("all to end", () => runs.ended().length === 12, 60_000);
      expect(runs.most()).toBeLessThanOrEqual(2);
    }));
});

describe("an action that waits for a slot", () => {
  test("is canceled at once, and never runs; the next has its place", () =>
    withRuns(async (runs) => {
      await applyDocuments(root, [limitDocument("cancel", { concurrency: 1 })]);
      const jets = await runs.jets(3, { plan: { limits: ["cancel"] } });
      await runs.turn(jets[0] ?? "");
      await runs.until("the first to begin", () => runs.begun().length === 1);
      const second = await runs.turn(jets[1] ?? "");
      await runs.turn(jets[2] ?? "");
      await root.request("action.cancel", { id: second });
      await eventually("it to be closed", async () =>
        (await recordOf(second)).state === "CLOSED" ? true : undefined,
      );
      expect((await recordOf(second)).error?.code).toBe("canceled");
      runs.letGo();
      await runs.until("the third to end", () => runs.ended().length === 2);
      expect(runs.begun()).toEqual([jets[0], jets[2]]);
    }));

  test("ends by its start delay without a runner", () =>
    withRuns(async (runs) => {
      await applyDocuments(root, [limitDocument("delayed", { concurrency: 1 })]);
      const jets = await runs.jets(2, { turn: { limits: ["delayed"], delays: { start: "1s" } } });
      await runs.turn(jets[0] ?? "");
      await runs.until("the first to begin", () => runs.begun().length === 1);
      const second = await runs.turn(jets[1] ?? "");
      await eventually("it to end", async () =>
        (await recordOf(second)).outcome === undefined ? undefined : true,
      );
      expect((await recordOf(second)).error?.code).toBe("start_timeout");
      expect(runs.begun()).toEqual([jets[0]]);
      runs.letGo();
      await runs.until("the first to end", () => runs.ended().length === 1);
    }));

  test("may be paused: others go before it, and it has its turn when it is resumed", () =>
    withRuns(async (runs) => {
      await applyDocuments(root, [limitDocument("paused", { concurrency: 1 })]);
      const jets = await runs.jets(3, { plan: { limits: ["paused"] }, forSeconds: 0.5 });
      await runs.turn(jets[0] ?? "");
      await runs.until("the first to begin", () => runs.begun().length === 1);
      const second = await runs.turn(jets[1] ?? "");
      await root.request("action.pause", { id: second });
      await runs.turn(jets[2] ?? "");
      await runs.until("the third to end", () => runs.ended().length === 2);
      expect(runs.begun()).toEqual([jets[0], jets[2]]);
      await root.request("action.resume", { id: second });
      await runs.until("the second to end", () => runs.ended().length === 3);
    }));

  test("waits while one that has the slot waits for its next attempt, which is shown as retrying", () =>
    withRuns(async (runs) => {
      await applyDocuments(root, [limitDocument("retried", { concurrency: 1 })]);
      const jets = await runs.jets(2, {
        plan: { limits: ["retried"], finally: [{ shell: "test $JM_ATTEMPT -gt 1" }] },
        turn: { repeat: { error: 1, backoff: "2s" } },
        forSeconds: 0.1,
      });
      await runs.turn(jets[0] ?? "");
      await runs.until("the first to begin", () => runs.begun().length === 1);
      await runs.turn(jets[1] ?? "");
      await eventually("one to be retrying", async () => {
        const { running, waiting, retrying } = await countsOf(root, "retried");
        return running === 1 && waiting === 1 && retrying === 1 ? true : undefined;
      });
      expect(runs.begun()).toEqual([jets[0]]);
      await runs.until("all to end", () => runs.ended().length === 4);
      expect(runs.most()).toBe(1);
    }));
});

describe("a limit that is changed", () => {
  test("lets more begin at once where it is raised, and none more where it is lowered", () =>
    withRuns(async (runs) => {
      await applyDocuments(root, [limitDocument("changed", { concurrency: 1 })]);
      const jets = await runs.jets(5, { plan: { limits: ["changed"] } });
      for (const jet of jets) await runs.turn(jet);
      await runs.until("one to begin", () => runs.begun().length === 1);
      await applyDocuments(root, [limitDocument("changed", { concurrency: 3 })]);
      await runs.until("two more to begin", () => runs.begun().length === 3);
      await applyDocuments(root, [limitDocument("changed", { concurrency: 1 })]);
      await eventually("it to be lowered", async () => {
        const counts = await countsOf(root, "changed");
        return counts.running === 3 && counts.waiting === 2 ? true : undefined;
      });
      runs.letGo();
      await runs.until("all to end", () => runs.ended().length === 5);
      expect(runs.most()).toBe(3);
    }));

  test("lets in as many as it says and no more, though a state-store hears of it and of who took the slots at once", () =>
    withRuns(async (runs) => {
      const stores = mesh.services.filter(({ name }) => name === "state-store");
      for (const [one, other] of [stores, stores.toReversed()]) {
        if (one === undefined || other === undefined) throw new Error("there are two");
        const before = runs.begun().length;
        const name = `raised-${one.instance}`;
        await applyDocuments(root, [limitDocument(name, { concurrency: 1 })]);
        const jets = await runs.jets(6, { plan: { limits: [name] } });
        for (const jet of jets) await runs.turn(jet);
        await runs.until("one to begin", () => runs.begun().length === before + 1);
        const stands = async (running: number, waiting: number): Promise<true | undefined> => {
          const seen = await Promise.all(stores.map((store) => lookAt(store, name)));
          return seen.every((each) => each.running === running && each.waiting === waiting)
            ? true
            : undefined;
        };
        await eventually("both to know who waits", () => stands(1, 5));
        other.signal("SIGSTOP");
        await ask(
          root.connection,
          root.names.svc.ofInstance("state-store", one.instance, "import"),
          {
            ...{ v: 1, user: "root" },
            request: { documents: [{ document: limitDocument(name, { concurrency: 3 }) }], dryRun: false },
          },
          5_000,
        );
        await runs.until("two more to begin", () => runs.begun().length === before + 3);
        other.signal("SIGCONT");
        await eventually("both to know", () => stands(3, 3));
        expect(runs.begun()).toHaveLength(before + 3);
        runs.letGo();
        await runs.until("all to end", () => runs.ended().length === before + 6);
        runs.hold();
      }
    }));

  test("is not deleted while a plan or a jet action names it; unknown ones are refused by apply", () =>
    withRuns(async (runs) => {
      await applyDocuments(root, [limitDocument("named", { concurrency: 1 })]);
      await runs.jets(1, { plan: { limits: ["named"] } });
      const refused = await root
        .request("limit.delete", { reference: "named" })
        .catch((thrown: unknown) => thrown);
      expect(refused).toMatchObject({ code: "in_use" });
      const unknown = await runs
        .jets(1, { plan: { limits: ["nowhere"] } })
        .catch((thrown: unknown) => thrown);
      expect(unknown).toMatchObject({ code: "invalid_request" });
    }));
});

describe("a runner that is killed", () => {
  test("leaks nothing: its action ends, and the next has the slot", () =>
    withRuns(async (runs) => {
      await applyDocuments(root, [limitDocument("killed", { concurrency: 1 })]);
      const jets = await runs.jets(2, { plan: { limits: ["killed"] } });
      await runs.turn(jets[0] ?? "");
      await runs.until("the first to begin", () => runs.begun().length === 1);
      await runs.turn(jets[1] ?? "");
      const runner = mesh.services.filter((one) => one.name === "flight-plan-runner" && one.isRunning());
      const another = mesh.start("flight-plan-runner");
      await Promise.all(runner.map((one) => one.kill()));
      await another;
      await runs.until("the second to begin", () => runs.begun().length === 2, 30_000);
      runs.letGo();
      await runs.until("the second to end", () => runs.ended().length === 1);
    }));
});
