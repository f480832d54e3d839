import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import type { FaultPoint } from "@jetmesh/storage";
import {
  applyDocuments,
  eventually,
  faultsOf,
  loopDocuments,
  startMesh,
  type TestMesh,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { judgeBySecond } from "../support/schedule-judge.ts";
import { applySchedule, armedFor, firingsOf, refusedOf, viewOf } from "../support/schedules.ts";

/**
 * At each write of a firing, and of what the broker keeps, whatever goes wrong there (`schedule.fire`, `schedule.settle`,
 * `schedule.arm`, `schedule.disarm`, `schedule.ack`, and those of the action): every instant has one action or one word in
 * the history, never both and never two, and what is due next is kept by the broker. The state-store is alone, dies or
 * stops, and is replaced or goes on.
 */
const PROGRAM = join(import.meta.dirname, "../support/scripted-runner.ts");
/** A process that a fault has stopped goes on after so long: longer than a message may go unanswered. */
const STOPPED_MS = 4_500;
let mesh: TestMesh;
let root: MeshClient;
beforeAll(async () => {
  mesh = await startMesh();
  root = await mesh.client();
  await mesh.startRunner(PROGRAM);
  await applyDocuments(root, loopDocuments([{ wait: 0 }]));
}, 60_000);
afterAll(() => mesh.stop());

/** The state-store suffers a fault while `live` goes on; who dies of it is replaced, as by a supervisor. */
async function suffering(fault: string, live: () => Promise<void>): Promise<void> {
  const healthy = mesh.services.filter((one) => one.name === "state-store" && one.isRunning());
  const faulty = await mesh.start("state-store", { JM_FAULTS: fault });
  await Promise.all(healthy.map((one) => one.stop()));
  const replacing = faulty.gone.then(() => mesh.start("state-store"));
  let stoppedSince: number | undefined;
  const look = setInterval(() => {
    if (!faulty.isStopped()) return void (stoppedSince = undefined);
    stoppedSince ??= performance.now();
    if (performance.now() - stoppedSince > STOPPED_MS) faulty.signal("SIGCONT");
  }, 100);
  try {
    await live();
    expect(faulty.log()).toContain(`fault ${fault.split(/[@:~]/)[0] ?? ""}`);
  } finally {
    clearInterval(look);
    faulty.signal("SIGCONT");
    await faulty.stop();
    await replacing;
  }
}

let count = 0;
const newName = (what: string): string => `${what}-${String((count += 1))}x`;

/** An answer, however often it takes to ask. */
const insist = <T>(ask: () => Promise<T>): Promise<T> =>
  eventually(
    "an answer",
    () =>
      ask().catch((thrown: unknown) => {
        if (/unavailable|conflict/.test(String((thrown as { code?: string }).code))) return undefined;
        throw thrown;
      }),
    { withinMs: 40_000, everyMs: 100 },
  );

const POINTS: readonly FaultPoint[] = ["schedule.fire", "schedule.settle", "schedule.arm", "schedule.ack"];
/** Those of what it does are gone through by `test/chaos/faults`; here it is the firing that goes on behind them. */
const DOING = ["action.make", "jet.accept", "history.refused"].flatMap((point) => [
  `${point}/before=crash`,
  `${point}/after=crash`,
]);
const firingFaults = [...POINTS.flatMap(faultsOf), ...DOING];

describe("at each write of a firing every instant has one action or one word, and goes on", () => {
  test.each(firingFaults)("%s", async (fault) => {
    const schedule = newName("faulted");
    const jet = fault.startsWith("jet.accept") ? newName("jet") : undefined;
    if (jet !== undefined) await root.request("jet.create", { template: "loop", reference: jet, wait: true });
    const does = jet === undefined ? {} : { trigger: { jet, action: "turn" } };
    const refused = fault.startsWith("history.refused") ? { create: { kind: "nothing" } } : {};
    // A lone action is offered first, and made only where nobody takes it.
    const offers = fault.startsWith("action.make") ? ",action.offer/before=lose@*" : "";
    await applySchedule(root, schedule, { every: "1s", overlap: "allow", ...does, ...refused });
    const done = async (): Promise<number> =>
      (await firingsOf(root, schedule)).length + (await refusedOf(root, schedule)).length;
    await suffering(`${fault}~${jet ?? schedule}@2${offers}`, async () => {
      const before = await done();
      await eventually(
        "the fault to be lived through",
        async () => ((await done()) >= before + 5 ? true : undefined),
        {
          withinMs: 40_000,
          everyMs: 100,
        },
      );
    });
    await insist(() => root.request("schedule.pause", { reference: schedule }));
    await eventually("the last firing to be over", async () => {
      const stored = await viewOf(root, schedule);
      const fired = await firingsOf(root, schedule);
      const last = fired.at(-1);
      return last === undefined || stored.last?.at === last.at || (stored.last?.at ?? "") > last.at
        ? true
        : undefined;
    });
    await judgeBySecond(root, schedule, jet);
    expect(await armedFor(root, schedule)).toBeUndefined();
  });
});

describe("at each write of a change what is due goes by the one or by the other, and is kept", () => {
  const changes = [...faultsOf("definitions.apply"), ...faultsOf("schedule.arm")];
  test.each(changes)("applied anew, %s", async (fault) => {
    const schedule = newName("changed");
    await applySchedule(root, schedule, { every: "1d" });
    const { next: before } = await viewOf(root, schedule);
    await suffering(`${fault}${fault.startsWith("schedule") ? `~${schedule}` : ""}@1`, () =>
      insist(() => applySchedule(root, schedule, { cron: "0 0 1 1 *" }).then(() => true)).then(
        () => undefined,
      ),
    );
    const { next } = await viewOf(root, schedule);
    expect(next).not.toBe(before);
    await eventually("the broker to keep what is due next", async () =>
      (await armedFor(root, schedule)) === next ? true : undefined,
    );
  });

  test.each([...faultsOf("definition.delete"), ...faultsOf("schedule.disarm")])(
    "deleted, %s",
    async (fault) => {
      const schedule = newName("deleted");
      await applySchedule(root, schedule, { every: "3s" });
      const isGone = (thrown: unknown): void => {
        if ((thrown as { code?: string }).code !== "unknown_schedule") throw thrown;
      };
      await suffering(`${fault}@1`, () =>
        insist(() =>
          root
            .request("schedule.delete", { reference: schedule })
            .catch(isGone)
            .then(() => true),
        ).then(() => undefined),
      );
      const { length } = await firingsOf(root, schedule);
      const clock = newName("clock");
      await applySchedule(root, clock, { every: "1s" });
      await eventually("what the broker kept to have come", async () =>
        (await firingsOf(root, clock)).length >= 4 ? true : undefined,
      );
      await root.request("schedule.delete", { reference: clock });
      expect((await firingsOf(root, schedule)).length).toBe(length);
      expect(await armedFor(root, schedule)).toBeUndefined();
    },
  );
});

describe("while the broker is away", () => {
  test("an instant that passes then is done when it is back, once", async () => {
    await applySchedule(root, "over-an-outage", { every: "4s" });
    const { next = "" } = await viewOf(root, "over-an-outage");
    await mesh.server.kill();
    await eventually("the instant to pass", () => (Date.now() > Date.parse(next) + 500 ? true : undefined), {
      everyMs: 50,
    });
    await mesh.server.restart();
    const fired = await eventually(
      "it to fire",
      async () => {
        const found = await firingsOf(root, "over-an-outage");
        return found.length >= 2 ? found : undefined;
      },
      { withinMs: 30_000, everyMs: 100 },
    );
    expect(fired[0]?.at).toBe(next);
    expect(new Set(fired.map(({ at }) => at)).size).toBe(fired.length);
    await root.request("schedule.delete", { reference: "over-an-outage" });
  });

  test("what is later than is to be caught up is left out, and said; a longer window catches it up", async () => {
    await applySchedule(root, "not-later", { every: "20s", catchUp: "none" });
    await applySchedule(root, "later", { every: "20s", catchUpWindow: "1h" });
    const [{ next: first = "" }, { next: long = "" }] = [
      await viewOf(root, "not-later"),
      await viewOf(root, "later"),
    ];
    // So that more than what is on time has passed, of both.
    await mesh.services.findLast(({ name }) => name === "state-store")?.stop();
    const until = Date.parse(long) + 11_000;
    await eventually("both to be late", () => (Date.now() > until ? true : undefined), {
      withinMs: 90_000,
      everyMs: 100,
    });
    await mesh.start("state-store");
    const [caught] = await eventually("the long one to be caught up", async () => {
      const found = await firingsOf(root, "later");
      return found.length > 0 ? found : undefined;
    });
    expect(caught?.at).toBe(long);
    const missed = await eventually("the other to be said", async () => {
      const found = await refusedOf(root, "not-later");
      return found.find(({ refusal }) => refusal?.code === "firing_missed");
    });
    expect(missed.refusal?.message).toContain(first);
    for (const { at } of await firingsOf(root, "not-later"))
      expect(Date.parse(at)).toBeGreaterThan(until - 11_000);
  }, 120_000);
});
