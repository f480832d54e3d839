import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord, JetView, TriggerReply } from "@jetmesh/protocol";
import {
  allActions,
  allHistory,
  applyDocuments,
  eventually,
  loopDocuments,
  startMesh,
  type TestMesh,
  userDocument,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/** What waits for a busy jet can be seen and canceled; canceled it never runs, and its caller and the history know. */
let mesh: TestMesh;
let root: MeshClient;
let ann: MeshClient;
let bob: MeshClient;
let max: MeshClient;

beforeAll(async () => {
  mesh = await startMesh({ services: { "state-store": 2 } });
  root = await mesh.client();
  [ann, bob, max] = (await Promise.all(["ann", "bob", "max"].map((name) => mesh.client(name)))) as [
    MeshClient,
    MeshClient,
    MeshClient,
  ];
  await applyDocuments(root, [
    ...loopDocuments([{ wait: "900ms" }], {
      delays: { frequency: "100ms" },
    }),
    userDocument("ann", "user"),
    userDocument("bob", "user"),
    userDocument("max", "manager"),
  ]);
}, 60_000);
afterAll(() => mesh.stop());

let made = 0;
/** A jet that is busy for a while. */
async function busyJet(): Promise<string> {
  const reference = `jet-${String((made += 1))}`;
  const people = { users: ["ann", "bob"], managers: ["max"] };
  await root.request("jet.create", { template: "loop", reference, wait: true, ...people });
  await root.request("jet.trigger", { jet: reference, action: "turn" });
  return reference;
}
const enqueue = async (client: MeshClient, jet: string): Promise<string> => {
  const asked = { jet, action: "turn", onBusy: "queue" };
  return (await client.request<TriggerReply>("jet.trigger", asked)).actionId ?? "";
};
const queueOf = async (jet: string): Promise<string[]> =>
  (await root.request<JetView>("jet.get", { reference: jet })).queue.map(({ id }) => id);
const codeOf = (asking: Promise<unknown>): Promise<string> =>
  asking.then(
    () => "done",
    (thrown: unknown) => (thrown as { code: string }).code,
  );
const cancel = (client: MeshClient, id: string, jet?: string): Promise<string> =>
  codeOf(client.request("action.cancel", { id, ...(jet === undefined ? {} : { jet }) }));
const rests = (jet: string): Promise<JetView> =>
  eventually(
    `${jet} to rest`,
    async () => {
      const is = await root.request<JetView>("jet.get", { reference: jet });
      return is.open === undefined && is.queue.length === 0 ? is : undefined;
    },
    { withinMs: 20_000 },
  );
const errorOf = async (id: string): Promise<string | undefined> =>
  (await root.request<ActionRecord>("action.get", { id })).error?.code;
const refusalsOf = async (id: string): Promise<(string | undefined)[]> =>
  (await allHistory(root.connection, root.names))
    .filter((one) => one.id === id && one.what === "refused")
    .map(({ refusal }) => refusal?.code);
const ran = async (id: string): Promise<boolean> =>
  (await allActions(root.connection, root.names)).some((one) => one.id === id);

describe("a trigger that waits", () => {
  test("is listed with its jet, and canceled by who asked for it; the others run", async () => {
    const jet = await busyJet();
    const [first, second, third] = [
      await enqueue(ann, jet),
      await enqueue(bob, jet),
      await enqueue(ann, jet),
    ];
    expect(await queueOf(jet)).toEqual([first, second, third]);
    expect(await cancel(bob, second)).toBe("done");
    expect(await queueOf(jet)).toEqual([first, third]);
    await rests(jet);
    expect(await refusalsOf(second)).toEqual(["canceled"]);
    expect([await ran(first), await ran(second), await ran(third)]).toEqual([true, false, true]);
    expect(await cancel(bob, second)).toBe("unknown_run");
  });

  test("is canceled by a manager of the jet, and not by another user of it", async () => {
    const jet = await busyJet();
    const id = await enqueue(ann, jet);
    expect(await cancel(bob, id, jet)).toBe("forbidden");
    expect(await cancel(await mesh.client("stranger"), id, jet)).toBe("unknown_run");
    expect(await cancel(max, id, jet)).toBe("done");
    await rests(jet);
    expect(await ran(id)).toBe(false);
  });

  test("tells the caller who waits for it", async () => {
    const jet = await busyJet();
    const waiting = ann.request<TriggerReply>("jet.trigger", {
      jet,
      action: "turn",
      onBusy: "queue",
      wait: true,
    });
    const [id = ""] = await eventually("it to wait", async () => {
      const ids = await queueOf(jet);
      return ids.length === 0 ? undefined : ids;
    });
    expect(await cancel(ann, id)).toBe("done");
    expect(await waiting).toMatchObject({ outcome: "ERROR", error: { code: "canceled" } });
  });

  test("is no more one that waits once its turn has come", async () => {
    const jet = await busyJet();
    const { open } = await root.request<JetView>("jet.get", { reference: jet });
    expect(await cancel(root, open?.id ?? "")).toBe("done");
    expect(await errorOf(open?.id ?? "")).toBe("canceled");
    expect(await cancel(root, "0".repeat(26))).toBe("unknown_run");
    const other = await busyJet();
    const id = await enqueue(ann, other);
    await rests(other);
    expect(await cancel(ann, id, other)).toBe("not_cancelable");
    expect(await refusalsOf(id)).toEqual([]);
  });

  test("of many that are canceled as their turn comes each either begins or is refused, never both", async () => {
    const jets = await Promise.all([busyJet(), busyJet(), busyJet()]);
    const ids: string[] = [];
    for (const jet of jets) ids.push(await enqueue(ann, jet));
    await eventually("the first turn to come", async () =>
      (await Promise.all(ids.map(ran))).includes(true) ? true : undefined,
    );
    const answers = await Promise.all(ids.map((id) => cancel(ann, id)));
    await Promise.all(jets.map(rests));
    for (const [at, id] of ids.entries()) {
      const begun = await ran(id);
      expect(await refusalsOf(id)).toEqual(begun ? [] : ["canceled"]);
      if (begun && answers[at] === "done") expect(await errorOf(id)).toBe("canceled");
    }
  });
});

describe("a state-store that dies as it cancels", () => {
  // Marked, and then taken out: each write is the point `jet.cancel`.
  test.each([
    ["jet.cancel/before=crash", true],
    ["jet.cancel/after=crash", false],
    ["jet.cancel/before=crash@2", false],
    ["jet.cancel/after=crash@2", false],
  ])(
    "by %s leaves one that runs, or that is refused, and nothing between",
    async (fault, mayRun) => {
      for (const one of mesh.services.filter(({ name }) => name === "state-store")) await one.stop();
      const dying = await mesh.start("state-store", { JM_FAULTS: fault });
      const jet = await busyJet();
      const id = await enqueue(ann, jet);
      // It is not answered, or not before its caller has lost patience.
      void cancel(ann, id, jet);
      await dying.gone;
      await mesh.start("state-store");
      await rests(jet);
      expect(await ran(id)).toBe(mayRun);
      expect(await refusalsOf(id)).toEqual(mayRun ? [] : ["canceled"]);
    },
    30_000,
  );
});
