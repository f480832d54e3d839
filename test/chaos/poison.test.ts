import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { MeshClient } from "@jetmesh/client";
import { DeadLetter, type JetRecord } from "@jetmesh/protocol";
import { ask, createMeshStore } from "@jetmesh/storage";
import {
  allActions,
  applyDocuments,
  eventually,
  loopDocuments,
  messagesOf,
  type ServiceName,
  startMesh,
  type TestMesh,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, expect, test } from "vitest";
import { linesOf } from "../support/lines-of.ts";

/**
 * A message that kills every process which handles it, among many that do nothing wrong and are in flight beside it,
 * so that they are delivered again as often as it is.
 */
const GOOD = 50;
const JETS = 25;
const dir = mkdtempSync(join(tmpdir(), "jm-poison-"));
const ranFile = join(dir, "ran");
let mesh: TestMesh;
let client: MeshClient;

beforeAll(async () => {
  mesh = await startMesh({ env: { JM_DRAIN_MS: "1000" } });
  client = await mesh.client();
  await applyDocuments(client, loopDocuments([{ shell: `echo "$JM_ACTION_ID" >> ${ranFile}` }]));
  // One whose actions wait for a runner that is not there.
  const lonely = loopDocuments([{ wait: 0 }], { pool: "nobody" }).filter(({ kind }) => kind === "Template");
  await applyDocuments(
    client,
    lonely.map((one) => ({ ...one, reference: "lonely", name: "lonely" })),
  );
  for (let n = 0; n < JETS; n += 1)
    await client.request("jet.create", { template: "loop", reference: `jet${String(n)}`, wait: true });
  for (const reference of ["bad", "killer"])
    await client.request("jet.create", { template: "loop", reference, wait: true });
  // What a process had that died is given to another sooner than usual, so that this takes half the time.
  for (const [stream, consumer] of [
    ["JM_TRIGGERS", "state-store"],
    ["JM_RESUME", "pool-default"],
  ] as const)
    await client.connection.jsm.consumers.update(stream, consumer, { ack_wait: 2e9 });
}, 60_000);
afterAll(async () => {
  await mesh.stop();
  rmSync(dir, { recursive: true, force: true });
});

const lines = (): string[] => linesOf(ranFile);
async function letters(): Promise<DeadLetter[]> {
  const found = await messagesOf(client.connection, client.names.streams.dead, client.names.dead.all);
  return found.map(({ json }) => DeadLetter.parse(json));
}
const countOf = async (stream: string): Promise<number> =>
  (await client.connection.jsm.streams.info(stream)).state.messages;

/** Starts each process again when it has died, as a supervisor would; gives how many died. */
async function whileRestarted(
  name: ServiceName,
  count: number,
  env: Record<string, string>,
  scenario: () => Promise<void>,
): Promise<number> {
  await Promise.all(mesh.services.filter((one) => one.name === name).map((one) => one.stop()));
  let deaths = 0;
  let end: () => void = () => undefined;
  const over = new Promise<true>((resolve) => (end = () => resolve(true)));
  const keep = async (): Promise<void> => {
    for (;;) {
      const service = await mesh.start(name, env);
      if (await Promise.race([service.gone.then(() => false), over])) {
        await service.stop();
        return;
      }
      deaths += 1;
    }
  };
  const kept = Promise.all(Array.from({ length: count }, keep));
  try {
    await scenario();
  } finally {
    end();
    await kept;
  }
  return deaths;
}

test("a trigger that kills its state-stores is put aside, and fifty beside it all end once", async () => {
  // What is in flight beside the poison is slow, so that it dies with its process, again and again.
  const env = { JM_FAULTS: `jet.accept/before=crash~poison@*,jet.accept/before=delay:300~"n":@*` };
  let letter: DeadLetter | undefined;
  const deaths = await whileRestarted("state-store", 1, env, async () => {
    const publish = (n: number): Promise<number> =>
      client.publishTrigger(`jet${String(n % JETS)}`, "turn", { onBusy: "queue", argument: { n } });
    const good = Array.from({ length: GOOD }, (_, n) => n);
    await Promise.all(good.slice(0, GOOD / 2).map(publish));
    await client.publishTrigger("bad", "turn", { argument: { word: "poison" } });
    await Promise.all(good.slice(GOOD / 2).map(publish));
    letter = await eventually("the letter", async () => (await letters())[0], { withinMs: 90_000 });
    await eventually("the triggers to be taken", async () =>
      (await countOf("JM_TRIGGERS")) === 0 ? true : undefined,
    );
  });
  expect(letter).toMatchObject({
    code: "poison",
    reason: "no process that tried it came back, 3 times in a row",
    origin: { stream: "JM_TRIGGERS", subject: "jm.trigger.root.bad.turn" },
  });
  expect(await letters()).toHaveLength(1);
  expect(mesh.logs(), "none of the good ones was suspected").toMatch(/jet\d+\.turn.*trying a suspect alone/);
  // Three deliveries before it is a suspect, and three trials.
  expect(deaths).toBeGreaterThanOrEqual(3);
  expect(deaths).toBeLessThanOrEqual(6);
  await mesh.start("state-store");
  const turned = await eventually(
    "every action to be closed",
    async () => {
      const all = await allActions(client.connection, client.names);
      const turns = all.filter(({ definition }) => definition.jetAction?.reference === "turn");
      return turns.length === GOOD && all.every(({ state }) => state === "CLOSED") ? turns : undefined;
    },
    { withinMs: 30_000 },
  );
  expect(lines().toSorted()).toEqual(turned.map(({ id }) => id).toSorted());
  expect(new Set(turned.map(({ argument }) => argument["n"])).size).toBe(GOOD);
}, 180_000);

test("what nobody came back from leaves a mark that goes by itself", async () => {
  const { suspects } = createMeshStore(client.connection, client.names);
  const sequence = String((await letters())[0]?.origin.sequence);
  const stored = await suspects.get(`suspect.JM_TRIGGERS.${sequence}`);
  expect(stored).toMatchObject({ kind: "record", value: { trials: 3 } });
  const raw = await client.connection.jsm.streams.getMessage("KV_jm_leases", {
    last_by_subj: `$KV.jm_leases.suspect.JM_TRIGGERS.${sequence}`,
  });
  expect(raw?.header.get("Nats-TTL")).toBe("600s");
});

test("an action that kills its runners before they have it ends in an error, its hint is put aside, and others run", async () => {
  const before = (await letters()).length;
  const env = { JM_FAULTS: "action.claim/before=crash~deadly@*" };
  const deaths = await whileRestarted("flight-plan-runner", 2, env, async () => {
    await client.publishTrigger("killer", "turn", { argument: { word: "deadly" } });
    for (let n = 0; n < 10; n += 1) await client.publishTrigger(`jet${String(n)}`, "turn");
    await eventually(
      "the jet to rest again",
      async () =>
        (await client.request<JetRecord>("jet.get", { reference: "killer" })).state === "broken"
          ? true
          : undefined,
      { withinMs: 90_000, everyMs: 100 },
    );
    await eventually(
      "the hints to be taken",
      async () => ((await countOf("JM_RESUME")) === 0 ? true : undefined),
      {
        withinMs: 20_000,
      },
    );
  });
  expect(deaths).toBeGreaterThanOrEqual(3);
  const written = (await letters()).slice(before);
  const ended = (await allActions(client.connection, client.names)).find(
    ({ argument }) => argument["word"] === "deadly",
  );
  expect(ended).toMatchObject({ outcome: "ERROR", error: { code: "poison" }, jet: "killer" });
  expect(written).toMatchObject([
    { code: "poison", origin: { stream: "JM_RESUME", subject: `jm.resume.default.${ended?.id ?? ""}` } },
  ]);
  expect(lines()).not.toContain(ended?.id);
  await mesh.start("flight-plan-runner");
  const turned = await eventually(
    "every action to be closed",
    async () => {
      const all = await allActions(client.connection, client.names);
      const good = all.filter(
        ({ definition, jet }) => definition.jetAction?.reference === "turn" && jet !== "killer",
      );
      return good.length === GOOD + 10 && all.every(({ state }) => state === "CLOSED") ? good : undefined;
    },
    { withinMs: 30_000 },
  );
  expect(lines().toSorted()).toEqual(turned.map(({ id }) => id).toSorted());
}, 180_000);

/** The only state-store has the fault; another takes over when it dies. */
async function withFault(fault: string, scenario: () => Promise<void>): Promise<void> {
  const faulty = await mesh.start("state-store", { JM_FAULTS: fault });
  const replaced = faulty.gone.then(() => mesh.start("state-store"));
  await scenario();
  expect(faulty.log()).toContain(`fault ${fault}`);
  await faulty.stop();
  await replaced;
}
const stopStateStores = async (): Promise<void> =>
  void (await Promise.all(
    mesh.services.filter(({ name }) => name === "state-store").map((service) => service.stop()),
  ));

test.each([
  ["suspect.mark/before=crash"],
  ["suspect.mark/after=crash"],
  ["suspect.mark/after=lose"],
  ["suspect.clear/before=crash"],
  ["suspect.clear/after=crash"],
])("a suspect whose process dies at %s ends once all the same", async (fault) => {
  await stopStateStores();
  const word = `suspect at ${fault}`;
  await client.publishTrigger("jet0", "turn", { argument: { word } });
  const pull = await client.connection.js.consumers.get("JM_TRIGGERS", "state-store");
  for (let n = 0; n < 3; n += 1) (await pull.next({ expires: 5_000 }))?.nak();
  const before = (await letters()).length;
  await withFault(fault, async () => {
    await eventually(
      "the trigger to be taken",
      async () => ((await countOf("JM_TRIGGERS")) === 0 ? true : undefined),
      { withinMs: 20_000 },
    );
  });
  const ended = await eventually("its action to be closed", async () => {
    const own = (await allActions(client.connection, client.names)).filter(
      ({ argument }) => argument["word"] === word,
    );
    return own.length > 0 && own.every(({ state }) => state === "CLOSED") ? own : undefined;
  });
  expect(ended).toHaveLength(1);
  expect(lines().filter((id) => id === ended[0]?.id)).toHaveLength(1);
  expect(await letters()).toHaveLength(before);
});

test.each([["action.poison/before=crash"], ["action.poison/after=crash"], ["action.poison/after=lose"]])(
  "what a state-store begins to end when it dies at %s is ended by another",
  async (fault) => {
    const jet = fault.replace(/[^a-z]/g, "-");
    await client.request("jet.create", { template: "lonely", reference: jet, wait: true });
    const { actionId: id } = await client.request<{ actionId: string }>("jet.trigger", {
      jet,
      action: "turn",
    });
    await stopStateStores();
    const letter = {
      v: 1,
      stream: "JM_RESUME",
      sequence: 1_000_000 + mesh.services.length,
      deliveries: 7,
      subject: `jm.resume.nobody.${id}`,
      code: "poison",
      reason: "every one died",
      size: 0,
      data: "",
    };
    await withFault(fault, async () => {
      // As a runner does, whose message stays until it is answered.
      await eventually("an answer", () =>
        ask(client.connection, client.names.svc.of("state-store", "dead"), letter, 1_000).then(
          ({ ok }) => (ok ? true : undefined),
          () => undefined,
        ),
      );
    });
    await eventually("its jet to be settled", async () =>
      (await client.request<JetRecord>("jet.get", { reference: jet })).state === "broken" ? true : undefined,
    );
    const ended = await client.request("action.get", { id });
    expect(ended).toMatchObject({ outcome: "ERROR", error: { code: "poison", message: "every one died" } });
  },
);

test("a trigger that waits for an authz that is away is tried however often, and never put aside", async () => {
  await stopStateStores();
  await mesh.of("authz").stop();
  const stateStore = await mesh.start("state-store");
  const before = (await letters()).length;
  await client.publishTrigger("jet1", "turn", { argument: { word: "patience" } });
  await eventually(
    "nine deliveries",
    () => (stateStore.log().split("trigger stays in its stream").length > 9 ? true : undefined),
    { withinMs: 30_000 },
  );
  await mesh.start("authz");
  await eventually(
    "its action to be closed",
    async () =>
      (await allActions(client.connection, client.names)).find(
        ({ argument, state }) => argument["word"] === "patience" && state === "CLOSED",
      ),
    { withinMs: 20_000 },
  );
  expect(await letters()).toHaveLength(before);
});
