import { type MeshClient, MeshError } from "@jetmesh/client";
import type { JetView, TargetReply } from "@jetmesh/protocol";
import {
  allJets,
  applyDocuments,
  type Document,
  eventually,
  planDocument,
  startMesh,
  stateDocument,
  type TestMesh,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRandom } from "../chaos/storm/random.ts";

/**
 * From any state, over a template made by chance, with state-stores killed all the while: a jet that is brought to a state is
 * there in the end, or why it is not is told, and it rests.
 */
const SEED = 20261126;
const FOR_MS = 9_000;
const STATES = ["s0", "s1", "s2", "s3", "s4", "s5"] as const;
const JETS = ["j0", "j1", "j2", "j3", "j4", "j5"] as const;
const random = createRandom(SEED);
interface Edge {
  readonly reference: string;
  readonly from?: string;
  readonly to: string;
  readonly fails: boolean;
}
const EDGES: readonly Edge[] = [
  { reference: "create", to: "s0", fails: false },
  ...Array.from({ length: 11 }, (_, n) => ({
    reference: `e${String(n)}`,
    from: random.pick(STATES),
    to: random.pick(STATES),
    fails: n % 4 === 3,
  })),
];

let mesh: TestMesh;
let client: MeshClient;

beforeAll(async () => {
  mesh = await startMesh({ services: { "state-store": 2, "flight-plan-runner": 2 } });
  client = await mesh.client();
  const action = ({ reference, from, to, fails }: Edge, n: number): Document => ({
    reference,
    transit: "moving",
    to,
    priority: random.between(0, 3),
    ...(from === undefined ? {} : { from }),
    ...(fails ? { plan: "fails", error: random.pick(STATES) } : n % 2 === 0 ? { plan: "takes-time" } : {}),
    delays: { frequency: "100ms" },
  });
  await applyDocuments(client, [
    ...[...STATES, "moving"].map(stateDocument),
    planDocument("takes-time", [{ wait: "150ms" }]),
    planDocument("fails", [{ shell: "exit 1" }]),
    { apiVersion: "jetmesh/v1", kind: "Template", reference: "maze", actions: EDGES.map(action) },
  ]);
  for (const reference of JETS)
    await client.request("jet.create", { template: "maze", reference, wait: true });
}, 60_000);
afterAll(() => mesh.stop());

/** Whether any actions lead there, whatever they come to. */
function isReachable(from: string | undefined, to: string): boolean {
  const seen = new Set([from]);
  for (let grew = true; grew; ) {
    const next = EDGES.filter((edge) => seen.has(edge.from) && !seen.has(edge.to));
    for (const edge of next) seen.add(edge.to);
    grew = next.length > 0;
  }
  return seen.has(to);
}

const get = (reference: string): Promise<JetView> => client.request<JetView>("jet.get", { reference });

/** Asked under the same key until there is an answer: who was asked may have been killed. */
async function bring(jet: string, state: string, key: string): Promise<TargetReply | string> {
  for (;;) {
    try {
      return await client.request<TargetReply>("jet.target", {
        jet,
        state,
        key,
        wait: true,
        timeoutMs: 20_000,
      });
    } catch (thrown) {
      const code = thrown instanceof MeshError ? thrown.code : String(thrown);
      if (code !== "unavailable") return code;
    }
  }
}

test(`a jet ends where it is brought, or it is said why not, whoever dies (seed ${String(SEED)})`, async () => {
  const until = performance.now() + FOR_MS;
  const ends = new Map<string, number>();
  const drive = async (jet: string, seed: number): Promise<void> => {
    const chance = createRandom(seed);
    for (let n = 0; performance.now() < until; n += 1) {
      const { state: from } = await get(jet);
      const to = chance.pick(STATES);
      const reply = await bring(jet, to, `${jet}-${String(n)}`);
      const is = await get(jet);
      const about = `${jet} from ${from ?? "nothing"} to ${to}: ${JSON.stringify(reply)}, ${JSON.stringify(is)}`;
      expect(is, about).not.toHaveProperty("open");
      expect(is, about).not.toHaveProperty("target");
      const end = typeof reply === "string" ? reply : (reply.error?.code ?? reply.outcome ?? "none");
      ends.set(end, (ends.get(end) ?? 0) + 1);
      if (end === "SUCCESS") expect(is.state, about).toBe(to);
      else if (end === "no_path") expect([isReachable(from, to), is.state], about).toEqual([false, from]);
      else expect(end, about).toBe("step_failed");
    }
  };
  const kill = async (): Promise<void> => {
    for (let n = 0; performance.now() < until; n += 1) {
      const living = mesh.services.filter((one) => one.name === "state-store" && one.isRunning());
      await living[n % living.length]?.kill();
      await mesh.start("state-store");
    }
  };
  await Promise.all([...JETS.map((jet, n) => drive(jet, SEED + n)), kill()]);
  const resting = await eventually("all of them to rest", async () => {
    const jets = await allJets(client.connection, client.names);
    return jets.every(
      ({ open, target, queue }) => open === undefined && target === undefined && queue.length === 0,
    )
      ? jets
      : undefined;
  });
  expect(resting.map(({ state = "" }) => (STATES as readonly string[]).includes(state))).toEqual(
    JETS.map(() => true),
  );
  // Of each end there was one, or nothing was tried.
  expect([...ends.keys()].toSorted(), JSON.stringify([...ends])).toEqual([
    "SUCCESS",
    "no_path",
    "step_failed",
  ]);
}, 60_000);
