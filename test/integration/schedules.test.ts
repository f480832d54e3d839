import { join } from "node:path";
import type { MeshClient, ReplyOf } from "@jetmesh/client";
import type { DefinitionDocument, HistoryEntry, ImportReply } from "@jetmesh/protocol";
import {
  allJets,
  applyDocuments,
  eventually,
  loopDocuments,
  startMesh,
  type TestMesh,
  userDocument,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  applySchedule,
  armedFor,
  firingsOf,
  refusedOf,
  SCRIPTED,
  scheduleDocument,
  untilFired,
  viewOf,
} from "../support/schedules.ts";

const PROGRAM = join(import.meta.dirname, "../support/scripted-runner.ts");
let mesh: TestMesh;
let root: MeshClient;
let max: MeshClient;
let ann: MeshClient;
beforeAll(async () => {
  mesh = await startMesh({ services: { "state-store": 2 } });
  root = await mesh.client();
  max = await mesh.client("max");
  ann = await mesh.client("ann");
  await mesh.startRunner(PROGRAM);
  await applyDocuments(root, [
    ...loopDocuments([{ wait: 0 }]),
    userDocument("max", "manager"),
    userDocument("ann", "user"),
    userDocument("kim", "manager"),
  ]);
  await applyDocuments(root, loopDocuments([{ wait: "2500ms" }], {}, "slow"));
  for (const [template, reference] of [
    ["loop", "quick1"],
    ["loop", "quick2"],
    ["slow", "slow1"],
    ["slow", "slow2"],
  ] as const)
    await root.request("jet.create", {
      ...{ template, reference, wait: true, managers: ["max"], users: ["ann"] },
    });
  await applySchedule(root, "ticks", { every: "1s" });
}, 60_000);
afterAll(() => mesh.stop());

const turn = (jet: string): { jet: string; action: string } => ({ jet, action: "turn" });
const NEXT_YEAR = "0 0 1 1 *";
/** The broker's hint of another schedule has come `times` more often: whatever else was due is seen to by then. */
const passes = async (clock: string, times: number): Promise<void> => {
  const before = (await firingsOf(root, clock)).length;
  await untilFired(root, clock, before + times);
};
const refusal = (client: MeshClient, endpoint: string, body: Record<string, unknown>): Promise<string> =>
  client.request(endpoint as "schedule.get", body as { reference: string }).then(
    () => "taken",
    (thrown: unknown) => (thrown as { code: string }).code,
  );

// Beside each other, for each waits for its instants.
describe.concurrent("a schedule", () => {
  describe("a schedule that makes actions", () => {
    test("makes one at each instant, for who applied it, and says when the next is and how the last came out", async () => {
      await applySchedule(root, "by-the-second", { every: "1s" });
      const { next: first = "" } = await viewOf(root, "by-the-second");
      const fired = await untilFired(root, "by-the-second", 3);
      const instants = fired.map(({ at }) => Date.parse(at) - Date.parse(first));
      expect(instants).toEqual(instants.map((_, nth) => nth * 1_000));
      expect(fired[0]?.action).toMatchObject({ kind: "scripted", user: "root" });
      const view = await viewOf(root, "by-the-second");
      expect(view).toMatchObject({ owner: "root", last: { outcome: "begun" } });
      expect((view.next ?? "") > (view.last?.at ?? "")).toBe(true);
    });

    test("by a cron expression with seconds it falls on them", async () => {
      await applySchedule(root, "by-seconds", { cron: "*/2 * * * * *", timeZone: "Asia/Kathmandu" });
      const fired = await untilFired(root, "by-seconds", 2);
      expect(fired.map(({ at }) => Date.parse(at) % 2_000)).toEqual(fired.map(() => 0));
      await root.request("schedule.delete", { reference: "by-seconds" });
    });

    test("of a kind that nobody has registered is refused at each firing, and stays", async () => {
      await applySchedule(root, "no-kind", { every: "1s", create: { kind: "nothing" } });
      const refused = await eventually("two refusals", async () => {
        const found = await refusedOf(root, "no-kind");
        return found.length >= 2 ? found : undefined;
      });
      expect(refused[0]).toMatchObject({ kind: "nothing", user: "root", refusal: { code: "unknown_kind" } });
      expect((await viewOf(root, "no-kind")).last).toMatchObject({
        outcome: "refused",
        code: "unknown_kind",
      });
      await root.request("schedule.delete", { reference: "no-kind" });
    });
  });

  describe("a schedule that triggers a jet", () => {
    test("leaves out what falls due while the action of the last firing is open, and says so", async () => {
      await applySchedule(root, "skips", { every: "1s", trigger: turn("slow1") });
      const [, second] = await untilFired(root, "skips", 2);
      const [first, ...others] = await firingsOf(root, "skips");
      const left = (await refusedOf(root, "skips")).filter(
        ({ refusal: why }) => why?.code === "firing_overlaps",
      );
      expect(left.length).toBeGreaterThanOrEqual(1);
      expect(left[0]).toMatchObject({ jet: "slow1", action: "turn", user: "root" });
      expect(others).not.toEqual([]);
      expect((second?.action.createdAt ?? "") >= (first?.action.endedAt ?? "-")).toBe(true);
      await root.request("schedule.delete", { reference: "skips" });
    });

    test("queues it where it is to: each instant has its action, one behind the other", async () => {
      await applySchedule(root, "queues", { every: "1s", trigger: turn("slow2"), overlap: "queue" });
      const waiting = await eventually("two to wait", async () => {
        const jets = await allJets(root.connection, root.names);
        const queue = jets.find(({ reference }) => reference === "slow2")?.queue ?? [];
        return queue.length >= 2 ? queue : undefined;
      });
      await root.request("schedule.delete", { reference: "queues" });
      expect(waiting.map(({ trigger }) => trigger.via)).toEqual(waiting.map(() => "schedule"));
      expect(await refusedOf(root, "queues")).toEqual([]);
    });

    test("does what its owner may do at each firing: what was taken away is refused, what is given back is done", async () => {
      await applySchedule(max, "of-max", { every: "1s", trigger: turn("quick1") });
      const [first] = await untilFired(root, "of-max", 1);
      expect(first?.action).toMatchObject({ user: "max", jet: "quick1" });
      await root.request("jet.update", { reference: "quick1", managers: [] });
      const refused = await eventually("a refusal", async () => (await refusedOf(root, "of-max"))[0]);
      expect(refused).toMatchObject({ user: "max", jet: "quick1", refusal: { code: "unknown_jet" } });
      expect(await refusal(max, "schedule.get", { reference: "of-max" })).toBe("unknown_schedule");
      const before = await firingsOf(root, "of-max");
      await root.request("jet.update", { reference: "quick1", managers: ["max"] });
      await untilFired(root, "of-max", before.length + 1);
      expect((await viewOf(max, "of-max")).owner).toBe("max");
    });
  });

  describe("who may do what with schedules", () => {
    test("one makes no schedule of what one may not do oneself", async () => {
      const of = (rest: Record<string, unknown>): Record<string, unknown> => ({
        ...{ reference: "mine", name: "mine", every: "1d" },
        ...rest,
      });
      await root.request("jet.create", { template: "loop", reference: "of-root", wait: true });
      const answers = await Promise.all([
        refusal(max, "schedule.apply", of({ trigger: turn("of-root") })),
        refusal(max, "schedule.apply", of({ trigger: { jet: "quick2", action: "nothing" } })),
        refusal(max, "schedule.apply", of({ create: { kind: "scripted" }, accessLevel: "root" })),
        refusal(ann, "schedule.apply", of({ trigger: turn("quick2") })),
        refusal(ann, "schedule.apply", of({ create: { kind: "scripted" } })),
      ]);
      expect(answers).toEqual(["unknown_jet", "unknown_action", "forbidden", "forbidden", "forbidden"]);
    });

    test("one of a jet is shown to those who may trigger it, up to its level; one of no jet to its owner", async () => {
      const trigger = turn("quick2");
      await applySchedule(root, "for-users", { cron: NEXT_YEAR, trigger, accessLevel: "user" });
      await applySchedule(root, "for-managers", { cron: NEXT_YEAR, trigger });
      await applySchedule(max, "report-of-max", { cron: NEXT_YEAR });
      const seenBy = async (client: MeshClient): Promise<string[]> => {
        const { items } = await client.request<{ items: { reference: string }[] }>("schedule.list", {});
        const asked = ["for-managers", "for-users", "report-of-max", "ticks"];
        return items
          .map(({ reference }) => reference)
          .filter((one) => asked.includes(one))
          .toSorted();
      };
      expect(await seenBy(root)).toEqual(["for-managers", "for-users", "report-of-max", "ticks"]);
      expect(await seenBy(max)).toEqual(["for-managers", "for-users", "report-of-max"]);
      expect(await seenBy(ann)).toEqual(["for-users"]);
      expect(await viewOf(ann, "for-users")).not.toHaveProperty("owner");
      expect(await refusal(ann, "schedule.pause", { reference: "for-users" })).toBe("forbidden");
      expect(await refusal(ann, "schedule.delete", { reference: "for-users" })).toBe("forbidden");
      expect(await refusal(max, "schedule.pause", { reference: "ticks" })).toBe("unknown_schedule");
    });

    test("why it was refused is told to its owner; others see that it was", async () => {
      const trigger = { jet: "quick2", action: "mend" };
      await applySchedule(root, "told", { every: "1s", trigger, accessLevel: "user" });
      await eventually("a refusal", async () =>
        (await viewOf(root, "told")).last === undefined ? undefined : true,
      );
      const [mine, hers] = [await viewOf(root, "told"), await viewOf(ann, "told")];
      await root.request("schedule.delete", { reference: "told" });
      expect(mine.last?.message).toContain("mend");
      expect(hers.last).toMatchObject({ outcome: "refused", code: "action_not_available" });
      expect(hers.last).not.toHaveProperty("message");
    });

    test("a user who owns one is not deleted: another of the name would have it fire", async () => {
      const kim = await mesh.client("kim");
      await applySchedule(kim, "of-kim", { cron: NEXT_YEAR });
      const request = { reference: "kim" };
      await expect(root.request("user.delete", request)).rejects.toMatchObject({
        code: "in_use",
        details: { usedBy: [{ kind: "Schedule", reference: "of-kim" }] },
      });
      await root.request("schedule.delete", { reference: "of-kim" });
      expect(await root.request("user.delete", request)).toMatchObject(request);
    });

    test("whoever changes it or has it go on answers for it; whoever pauses it does not", async () => {
      const rest = { cron: NEXT_YEAR, trigger: turn("quick2") };
      await applySchedule(root, "handed-on", rest);
      await max.request("schedule.pause", { reference: "handed-on" });
      expect(await viewOf(root, "handed-on")).toMatchObject({ owner: "root", paused: true });
      await max.request("schedule.resume", { reference: "handed-on" });
      expect(await viewOf(root, "handed-on")).toMatchObject({ owner: "max", paused: false });
      await applySchedule(root, "handed-on", rest);
      expect((await viewOf(root, "handed-on")).owner).toBe("max");
      await applySchedule(root, "handed-on", { ...rest, note: "by root" });
      expect((await viewOf(root, "handed-on")).owner).toBe("root");
    });
  });

  describe("what is changed", () => {
    test("another timing counts from then on: what the broker keeps for the old one does nothing", async () => {
      await applySchedule(root, "changed", { every: "2s" });
      await applySchedule(root, "changed", { cron: NEXT_YEAR });
      const { next } = await viewOf(root, "changed");
      expect(next).toMatch(/-01-01T00:00:00.000Z$/);
      expect(await armedFor(root, "changed")).toBe(next);
      // As if the broker gave out one that it had kept by the old rule.
      const hint = JSON.stringify({ v: 1, schedule: "changed", at: new Date().toISOString() });
      await root.connection.js.publish(root.names.schedule.due("changed"), hint);
      await passes("ticks", 3);
      expect(await firingsOf(root, "changed")).toEqual([]);
      expect(await armedFor(root, "changed")).toBe(next);
    });

    test("what it does changes at once, and its steps go on", async () => {
      await applySchedule(root, "other-words", {
        every: "1s",
        create: { ...SCRIPTED, argument: { file: "/dev/null", n: 1 } },
      });
      const [first] = await untilFired(root, "other-words", 1);
      await applySchedule(root, "other-words", {
        every: "1s",
        create: { ...SCRIPTED, argument: { file: "/dev/null", n: 2 } },
      });
      const second = await eventually("the other words", async () =>
        (await firingsOf(root, "other-words")).find(({ action }) => action.argument["n"] === 2),
      );
      expect((Date.parse(second.at) - Date.parse(first?.at ?? "")) % 1_000).toBe(0);
      await root.request("schedule.delete", { reference: "other-words" });
    });

    test("paused nothing is due and the broker keeps nothing; resumed it goes on with what is due next", async () => {
      await applySchedule(root, "paused", { every: "1s" });
      await untilFired(root, "paused", 1);
      await root.request("schedule.pause", { reference: "paused" });
      const pausedAt = Date.now();
      expect(await viewOf(root, "paused")).not.toHaveProperty("next");
      expect(await armedFor(root, "paused")).toBeUndefined();
      const before = await firingsOf(root, "paused");
      await passes("ticks", 2);
      expect((await firingsOf(root, "paused")).length).toBe(before.length);
      const resumedAt = Date.now();
      await root.request("schedule.resume", { reference: "paused" });
      const resumed = await untilFired(root, "paused", before.length + 1);
      expect(Date.parse(resumed.at(-1)?.at ?? "")).toBeGreaterThan(
        Date.parse(before.at(-1)?.at ?? "") + 1_500,
      );
      // A busy machine may miss one before or behind, and says so; of what would have fallen due meanwhile nothing is said.
      const isMeanwhile = ({ trigger }: HistoryEntry): boolean => {
        const at = Date.parse(trigger?.key.split("@")[1] ?? "");
        return at > pausedAt && at < resumedAt;
      };
      expect((await refusedOf(root, "paused")).filter(isMeanwhile)).toEqual([]);
      await root.request("schedule.delete", { reference: "paused" });
    });

    test("deleted it is gone with all that there was of it, and made anew it knows nothing of it", async () => {
      await applySchedule(root, "deleted", { every: "1s" });
      await untilFired(root, "deleted", 1);
      await root.request("schedule.delete", { reference: "deleted" });
      expect(await refusal(root, "schedule.get", { reference: "deleted" })).toBe("unknown_schedule");
      expect(await armedFor(root, "deleted")).toBeUndefined();
      const before = await firingsOf(root, "deleted");
      await passes("ticks", 2);
      expect((await firingsOf(root, "deleted")).length).toBe(before.length);
      await applySchedule(root, "deleted", { cron: NEXT_YEAR });
      expect(await viewOf(root, "deleted")).not.toHaveProperty("last");
    });

    test("a dry run says what would change and changes nothing; exported and applied again it is the same", async () => {
      await applySchedule(root, "written", {
        cron: "0 3 * * *",
        timeZone: "Europe/Berlin",
        note: "at night",
      });
      const { items } = await root.request<{ items: DefinitionDocument[] }>("export", {
        kinds: ["Schedule"],
      });
      const exported = items.find(({ reference }) => reference === "written");
      const written = scheduleDocument("written", { cron: "0 3 * * *", timeZone: "Europe/Berlin" });
      expect(exported).toEqual({ ...written, name: "written", note: "at night" });
      const again = await root.request<ImportReply>("import", { documents: [{ document: exported }] });
      expect(again.items).toEqual([{ kind: "Schedule", reference: "written", change: "unchanged" }]);
      const other = { ...exported, cron: "0 4 * * *" };
      const dry = await root.request<ImportReply>("import", {
        documents: [{ document: other }],
        dryRun: true,
      });
      expect(dry.items[0]).toMatchObject({
        change: "updated",
        changes: [{ path: ["cron"], before: "0 3 * * *", after: "0 4 * * *" }],
      });
      expect((await viewOf(root, "written")).cron).toBe("0 3 * * *");
    });

    test("it comes in one file with the jet that it triggers", async () => {
      await applyDocuments(root, [
        scheduleDocument("with-jet", { every: "1s", trigger: { jet: "comes-along", action: "create" } }),
        { apiVersion: "jetmesh/v1", kind: "Jet", reference: "comes-along", template: "loop" },
      ]);
      const [first] = await untilFired(root, "with-jet", 1);
      expect(first?.action.jet).toBe("comes-along");
      await root.request("schedule.delete", { reference: "with-jet" });
    });
  });
});

describe("whatever is lost", () => {
  test("what the broker keeps no more is found: what was due is done, and the next is kept again", async () => {
    await applySchedule(root, "unarmed", { every: "3s" });
    await applySchedule(root, "unarmed-for-long", { cron: NEXT_YEAR });
    const { schedule, streams } = root.names;
    for (const filter of ["unarmed", "unarmed-for-long"].map((name) => schedule.armed(name)))
      await root.connection.jsm.streams.purge(streams.schedules, { filter });
    const { next } = await viewOf(root, "unarmed");
    const [first] = await untilFired(root, "unarmed", 1);
    expect(first?.at).toBe(next);
    // Whoever starts looks after all there are.
    await mesh.start("state-store");
    const { next: inAYear } = await viewOf(root, "unarmed-for-long");
    await eventually("the broker to keep it again", async () =>
      (await armedFor(root, "unarmed-for-long")) === inAYear ? true : undefined,
    );
    await root.request("schedule.delete", { reference: "unarmed" });
  });

  test("of what falls due while no state-store is there the last is done, and the rest is in the history", async () => {
    await applySchedule(root, "caught-up", { every: "1s" });
    const before = (await untilFired(root, "caught-up", 1)).at(-1);
    await Promise.all(
      mesh.services.filter(({ name }) => name === "state-store").map((service) => service.kill()),
    );
    const seen = (await firingsOf(root, "caught-up")).length;
    // Nothing of ours is there to wait for: the broker gives out what is due without us.
    const dueAt = Date.parse(before?.at ?? "") + 4_500;
    await eventually("some instants to pass", () => (Date.now() > dueAt ? true : undefined), { everyMs: 50 });
    await mesh.start("state-store");
    await mesh.start("state-store");
    const fired = await untilFired(root, "caught-up", seen + 1);
    const caught = fired[seen];
    const missed = await eventually("what was left out", async () =>
      (await refusedOf(root, "caught-up")).find(({ refusal: why }) => why?.code === "firing_missed"),
    );
    expect(missed.trigger?.key).toBe(`caught-up@${caught?.at ?? ""}`);
    const gap = Date.parse(caught?.at ?? "") - Date.parse(fired[seen - 1]?.at ?? "");
    expect(gap).toBeGreaterThanOrEqual(3_000);
    await root.request("schedule.delete", { reference: "caught-up" });
  });

  test("many schedules by several state-stores: no instant is left out, and none has two actions", async () => {
    const names = Array.from({ length: 20 }, (_, n) => `many${String(n)}`);
    await applyDocuments(
      root,
      names.map((name) => scheduleDocument(name, { every: "1s", overlap: "allow" })),
    );
    for (const name of names) {
      const fired = await untilFired(root, name, 3);
      const steps = fired.slice(1).map(({ at }, nth) => Date.parse(at) - Date.parse(fired[nth]?.at ?? ""));
      expect(steps).toEqual(steps.map(() => 1_000));
    }
    for (const reference of names) await root.request("schedule.delete", { reference });
  });
});

test("it can be done now, by who may do it, without a word to what is due", async () => {
  await applySchedule(root, "by-hand", { cron: NEXT_YEAR, trigger: turn("quick2"), accessLevel: "user" });
  const asked = { reference: "by-hand", wait: true, key: "once" };
  const answer = await ann.request<ReplyOf<"schedule.run">>("schedule.run", asked);
  expect(answer).toMatchObject({ jet: "quick2", outcome: "SUCCESS" });
  const again = await ann.request("schedule.run", { ...asked, wait: false });
  expect(again).toMatchObject({ actionId: answer.actionId });
  expect(await viewOf(root, "by-hand")).not.toHaveProperty("last");
  expect(await root.request("schedule.run", { reference: "ticks", wait: true })).toMatchObject({
    outcome: "SUCCESS",
  });
});
