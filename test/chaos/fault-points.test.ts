import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import { ACK_POINTS, type FaultKind, type FaultPoint, WRITE_POINTS } from "@jetmesh/storage";
import {
  allActions,
  allHistory,
  allJets,
  applyDocuments,
  eventually,
  loopDocuments,
  type ServiceName,
  startMesh,
  stateDocument,
  type TestMesh,
  type TestService,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/**
 * At each write and each acknowledgement of an action's life, alone: the process that makes it is killed before
 * it, killed after it, or never sees its answer. Then the invariants of design §7 are held against NATS and
 * against the file to which every step appends.
 */
const OWNERS: Partial<Record<FaultPoint, ServiceName>> = {
  "jet.accept": "state-store",
  "jet.create": "state-store",
  "jet.target": "state-store",
  "jet.settle": "state-store",
  "jet.apply": "state-store",
  "definitions.apply": "state-store",
  "action.make": "state-store",
  "action.close": "state-store",
  "history.closed": "state-store",
  "history.refused": "state-store",
  "dead.letter": "state-store",
  "trigger.ack": "state-store",
  "action.claim": "flight-plan-runner",
  "action.step": "flight-plan-runner",
  "action.progress": "flight-plan-runner",
  "action.again": "flight-plan-runner",
  "action.outcome": "flight-plan-runner",
  "resume.ack": "flight-plan-runner",
  "log.chunk": "flight-plan-runner",
  "presence.renew": "flight-plan-runner",
  "resume.send": "state-store",
  "resume.tick": "lifecycle-ticker",
  "lease.renew": "lifecycle-ticker",
};
/** Points that this life of an action does not come by, and where they are tested instead. */
const ELSEWHERE: Partial<Record<FaultPoint, string>> = {
  "jet.move-on": "repair.test.ts",
  "action.expire": "delays.test.ts",
  "action.pause": "nothing asks for a pause yet",
  "history.late": "take-over.test.ts",
  "presence.end": "services.test.ts",
  "dead.replay": "dead-letters.test.ts",
  "dead.remove": "dead-letters.test.ts",
  "given-up.remove": "given-up.test.ts",
  "advisory.ack": "given-up.test.ts",
  "action.poison": "poison.test.ts",
  "suspect.mark": "poison.test.ts",
  "suspect.clear": "poison.test.ts",
  "trigger.publish": "a client's own write: compare-and-swap.test.ts",
};
const KINDS: readonly (readonly ["before" | "after", FaultKind])[] = [
  ["before", "crash"],
  ["after", "crash"],
  ["after", "lose"],
];

const dir = mkdtempSync(join(tmpdir(), "jm-faults-"));
const file = join(dir, "ran");
let mesh: TestMesh;
let client: MeshClient;
let count = 0;

beforeAll(async () => {
  mesh = await startMesh({ env: { JM_DRAIN_MS: "1000" } });
  client = await mesh.client();
  const documents = loopDocuments([
    { shell: `echo "$JM_ACTION_ID first" >> ${file}; echo said` },
    { shell: `echo "$JM_ACTION_ID second" >> ${file}` },
    { wait: "200ms" },
    { shell: `echo "$JM_ACTION_ID last" >> ${file}` },
  ]);
  // A way to `broken` and, by `mend`, back: what targets are brought along.
  const tip = { reference: "tip", accessLevel: "user", from: "resting", transit: "moving", to: "broken" };
  const withTip = documents.map((one) =>
    one["kind"] === "Template" ? { ...one, actions: [...(one["actions"] as unknown[]), tip] } : one,
  );
  await applyDocuments(client, withTip);
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

const lines = (): string[] => {
  try {
    return readFileSync(file, "utf8").split("\n").filter(Boolean);
  } catch {
    return [];
  }
};

/** Asks until it is answered, with one key: the same request, however often. */
async function insist<T>(endpoint: "jet.create" | "jet.trigger", body: Record<string, unknown>): Promise<T> {
  return eventually(
    `an answer to ${endpoint}`,
    () =>
      client.request<T>(endpoint, body, 3_000).catch((error: unknown) => {
        if (/unavailable|Unavailable/.test(String((error as { code?: string }).code ?? error)))
          return undefined;
        throw error;
      }),
    { withinMs: 20_000, everyMs: 50 },
  );
}

/** A whole life: made, turned by the stream, turned while busy, brought to a state, refused, misspelt. */
async function live(jet: string): Promise<void> {
  await insist("jet.create", { template: "loop", reference: jet, key: `${jet}-create` });
  await rests(jet);
  await Promise.all([
    client.publishTrigger(jet, "turn", { messageId: `${jet}-1`, onBusy: "queue" }),
    client.publishTrigger(jet, "turn", { messageId: `${jet}-2`, onBusy: "queue" }),
    client.publishTrigger(jet, "dance", { messageId: `${jet}-3` }),
    client.publishTrigger(jet, "turn", { messageId: `${jet}-4`, argument: 7 as never }),
  ]);
  await taken();
  await rests(jet);
  for (const state of ["broken", "resting"]) {
    await client.connection.nc.request(client.names.trigger.ofTarget("root", jet, state), "{}", {
      timeout: 5_000,
    });
    await taken();
    await rests(jet);
  }
}

const taken = (): Promise<true> =>
  eventually(
    "the triggers to be taken",
    async () =>
      (await client.connection.jsm.streams.info("JM_TRIGGERS")).state.messages === 0 ? true : undefined,
    { withinMs: 45_000 },
  );

async function rests(reference: string): Promise<{ state?: string | undefined }> {
  return eventually(
    `jet ${reference} to rest`,
    async () => {
      const jet = (await allJets(client.connection, client.names)).find((one) => one.reference === reference);
      return jet !== undefined && jet.open === undefined && jet.queue.length === 0 && jet.target === undefined
        ? jet
        : undefined;
    },
    { withinMs: 45_000, everyMs: 50 },
  );
}

/** Design §7, read from NATS and the world outside. */
async function invariantsHold(jet: string): Promise<void> {
  const actions = await eventually(
    `every action of ${jet} to be closed`,
    async () => {
      const all = (await allActions(client.connection, client.names)).filter((one) => one.jet === jet);
      return all.every(({ state }) => state === "CLOSED") ? all : undefined;
    },
    { withinMs: 20_000, everyMs: 50 },
  );
  const ran = lines();
  for (const action of actions) {
    const own = ran.filter((line) => line.startsWith(action.id));
    expect(new Set(own).size, `a step of ${action.id} ran twice: ${own.join()}`).toBe(own.length);
    if (action.definition.jetAction?.reference === "turn" && action.outcome === "SUCCESS")
      expect(own).toHaveLength(3);
  }
  const history = (await allHistory(client.connection, client.names)).filter(
    (entry) => entry.jet === jet && entry.what === "closed",
  );
  expect(history.map(({ id }) => id).toSorted()).toEqual(actions.map(({ id }) => id).toSorted());
  // Both turns were accepted. The second may have found the jet broken by the first, and says so.
  const turns = actions.filter(({ definition }) => definition.jetAction?.reference === "turn");
  if (turns.every(({ outcome }) => outcome === "SUCCESS")) expect(turns).toHaveLength(2);
  else expect(turns.length).toBeGreaterThan(0);
}

async function withFault(owner: ServiceName, fault: string, scenario: () => Promise<void>): Promise<void> {
  const healthy = mesh.services.findLast(({ name }) => name === owner);
  await healthy?.stop();
  const faulty = await mesh.start(owner, { JM_FAULTS: fault });
  let replaced: TestService | undefined;
  const watch = faulty.gone.then(async () => {
    replaced = await mesh.start(owner);
  });
  try {
    await scenario();
    const mark = `fault ${fault.split("@")[0] ?? ""}`;
    const lastSeen = (): string => faulty.log().slice(-500);
    await eventually("the fault to strike", () => (faulty.log().includes(mark) ? true : undefined), {
      lastSeen,
    });
  } finally {
    await faulty.stop();
    await watch;
  }
  expect(replaced).toBeDefined();
}

test("every write and every acknowledgement of the mesh is gone through here, or said to be elsewhere", () => {
  const all = [...Object.keys(WRITE_POINTS), ...Object.keys(ACK_POINTS)].toSorted();
  expect([...Object.keys(OWNERS), ...Object.keys(ELSEWHERE)].toSorted()).toEqual(all);
});

const cases = Object.entries(OWNERS).flatMap(([point, owner]) =>
  KINDS.map(([moment, kind]) => [`${point}/${moment}=${kind}`, owner] as const),
);
describe("at each point alone the invariants hold", () => {
  test.each(cases.filter(([fault]) => !(fault.includes(".ack/") && fault.endsWith("lose"))))(
    "%s in %s",
    async (fault, owner) => {
      count += 1;
      const jet = `jet${String(count)}`;
      // The first of these is how the process says that it is there at all.
      const nth = fault.startsWith("presence") || fault.startsWith("lease") ? "@2" : "@1";
      await withFault(owner, fault + nth, async () => {
        if (fault.startsWith("jet.apply") || fault.startsWith("definitions.apply")) {
          const documents = [
            stateDocument(`state${String(count)}`),
            {
              apiVersion: "jetmesh/v1",
              kind: "Jet",
              reference: `applied${String(count)}`,
              name: "x",
              template: "loop",
            },
          ];
          await eventually(
            "the definitions to be applied",
            () =>
              applyDocuments(client, documents).then(
                () => true,
                () => undefined,
              ),
            { withinMs: 20_000 },
          );
        }
        await live(jet);
      });
      await invariantsHold(jet);
    },
  );
});
