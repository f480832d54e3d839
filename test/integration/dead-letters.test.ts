import type { MeshClient } from "@jetmesh/client";
import type { ActionRecord, DeadLetter, LetterSummary, NumberedLetter, ReplayReply } from "@jetmesh/protocol";
import { writeRepeatable } from "@jetmesh/storage";
import {
  allActions,
  applyDocuments,
  eventually,
  loopDocuments,
  messagesOf,
  startMesh,
  type TestMesh,
  userDocument,
} from "@jetmesh/testkit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

/** Letters as people see them, and what is sent again of them. */
let mesh: TestMesh;
let client: MeshClient;
let letters = 0;

beforeAll(async () => {
  mesh = await startMesh();
  client = await mesh.client();
  await applyDocuments(client, [
    ...loopDocuments([{ wait: 0 }]),
    userDocument("alice", "user"),
    userDocument("bob", "manager"),
  ]);
}, 60_000);
afterAll(() => mesh.stop());

/** A letter as a state-store would have written it, of a message that nothing is wrong with. */
async function write(subject: string, rest: Partial<DeadLetter> = {}): Promise<number> {
  letters += 1;
  const body = Buffer.from(JSON.stringify({ argument: { letter: letters }, onBusy: "queue" }));
  const stream = subject.startsWith("jm.resume") ? "JM_RESUME" : "JM_TRIGGERS";
  const letter: DeadLetter = {
    v: 1,
    reason: "for a test",
    code: "internal",
    at: new Date().toISOString(),
    origin: { stream, sequence: 1_000_000 + letters, subject, deliveries: 5 },
    size: body.length,
    data: body.toString("base64"),
    ...rest,
  };
  return writeRepeatable(client.connection, `jm.dead.${letter.origin.stream}`, JSON.stringify(letter), {
    point: "dead.letter",
  });
}

const replay = (sequence: number): Promise<ReplayReply> =>
  client.request<ReplayReply>("dead.replay", { sequence });

async function jetOf(reference: string): Promise<string> {
  await client.request("jet.create", { template: "loop", reference, wait: true });
  return reference;
}

/** Actions that turned the jet, once its triggers are taken and it rests. */
async function turnsOf(jet: string): Promise<ActionRecord[]> {
  await eventually("the triggers to be taken", async () =>
    (await client.connection.jsm.streams.info("JM_TRIGGERS")).state.messages === 0 ? true : undefined,
  );
  return eventually(`every action of ${jet} to be closed`, async () => {
    const all = (await allActions(client.connection, client.names)).filter((one) => one.jet === jet);
    return all.every(({ state }) => state === "CLOSED")
      ? all.filter(({ definition }) => definition.jetAction?.reference === "turn")
      : undefined;
  });
}

async function numbers(): Promise<number[]> {
  const found = await messagesOf(client.connection, client.names.streams.dead, client.names.dead.all);
  return found.map(({ sequence }) => sequence);
}

describe("dead letters", () => {
  test("are listed in the order in which they came, page by page, without their messages", async () => {
    const written = [
      await write("jm.trigger.root.a.turn"),
      await write("jm.resume.default.0123456789abcdef01234567"),
      await write("jm.trigger.root.b.turn"),
    ];
    const all: LetterSummary[] = [];
    for (let cursor: string | undefined, page = 0; page === 0 || cursor !== undefined; page += 1) {
      const answer: { items: LetterSummary[]; cursor?: string } = await client.request("dead.list", {
        limit: 1,
        ...(cursor === undefined ? {} : { cursor }),
      });
      expect(answer.items.length).toBeLessThanOrEqual(1);
      all.push(...answer.items);
      cursor = answer.cursor;
    }
    expect(all.map(({ sequence }) => sequence)).toEqual(written);
    expect(all[0]).toMatchObject({ reason: "for a test", origin: { subject: "jm.trigger.root.a.turn" } });
    expect(all.filter((letter) => "data" in letter)).toEqual([]);
    const { items } = await client.request<{ items: LetterSummary[] }>("dead.list", { stream: "JM_RESUME" });
    expect(items.map(({ sequence }) => sequence)).toEqual([written[1]]);
  });

  test("are shown whole by their number, and one that is not there is said to be unknown", async () => {
    const sequence = await write("jm.trigger.root.a.turn", { headers: { "Nats-Msg-Id": "k" } });
    const letter = await client.request<NumberedLetter>("dead.get", { sequence });
    expect(letter).toMatchObject({ sequence, headers: { "Nats-Msg-Id": "k" } });
    expect(JSON.parse(Buffer.from(letter.data, "base64").toString())).toEqual({
      argument: { letter: letters },
      onBusy: "queue",
    });
    for (const endpoint of ["dead.get", "dead.replay"] as const)
      await expect(client.request(endpoint, { sequence: 999_999 })).rejects.toMatchObject({
        code: "unknown_letter",
      });
  });

  test("are for root alone, who is told so whether a letter is there or not", async () => {
    const sequence = await write("jm.trigger.root.a.turn");
    for (const user of ["alice", "bob", "stranger"]) {
      const other = await mesh.client(user);
      for (const number of [sequence, 999_999]) {
        for (const endpoint of ["dead.get", "dead.replay"] as const)
          await expect(other.request(endpoint, { sequence: number })).rejects.toMatchObject({
            code: "forbidden",
          });
      }
      await expect(other.request("dead.list")).rejects.toMatchObject({ code: "forbidden" });
    }
    expect(await numbers()).toContain(sequence);
  });
});

describe("a replayed letter", () => {
  test("triggers what it was to trigger, once, and is gone", async () => {
    const jet = await jetOf("plain");
    const sequence = await write(`jm.trigger.root.${jet}.turn`);
    expect(await replay(sequence)).toMatchObject({
      outcome: "replayed",
      subject: `jm.trigger.root.${jet}.turn`,
      messageId: `dead-JM_TRIGGERS-${String(1_000_000 + letters)}`,
    });
    const [turn, ...others] = await turnsOf(jet);
    expect(turn).toMatchObject({ outcome: "SUCCESS", argument: { letter: letters } });
    expect(others).toEqual([]);
    expect(await numbers()).not.toContain(sequence);
    await expect(replay(sequence)).rejects.toMatchObject({ code: "unknown_letter" });
  });

  test("has one effect, also where two ask at once, or a letter is there twice", async () => {
    const jet = await jetOf("twice");
    const origin = { stream: "JM_TRIGGERS", sequence: 77, subject: `jm.trigger.root.${jet}.turn` };
    const [first, second] = [
      await write(origin.subject, { origin }),
      await write(origin.subject, { origin }),
    ];
    const outcomes = await Promise.allSettled([replay(first), replay(first), replay(second)]);
    expect(outcomes.filter(({ status }) => status === "fulfilled").length).toBeGreaterThan(1);
    expect(await turnsOf(jet)).toHaveLength(1);
    expect(await numbers()).not.toContain(first);
  });

  test("keeps its sender's id and what a program put beside it, and no word to the broker", async () => {
    const jet = await jetOf("keyed");
    const sequence = await write(`jm.trigger.root.${jet}.turn`, {
      headers: {
        "Nats-Msg-Id": "hers",
        "Nats-TTL": "1s",
        "Nats-Expected-Last-Sequence": "1",
        "nats-rollup": "all",
        traceparent: "00-1",
      },
    });
    expect(await replay(sequence)).toMatchObject({ outcome: "replayed", messageId: "hers" });
    const [turn] = await turnsOf(jet);
    expect(turn?.trigger).toMatchObject({ via: "stream", key: "hers" });
    // The same id again, as its sender would: no second effect.
    await client.publishTrigger(jet, "turn", { messageId: "hers" });
    expect(await turnsOf(jet)).toHaveLength(1);
  });

  test("is sent though another message of the same id came just before it", async () => {
    const jet = await jetOf("window");
    const sequence = await write(`jm.trigger.root.${jet}.turn`, { headers: { "Nats-Msg-Id": "shared" } });
    const stranger = await mesh.client("stranger");
    const [, reply] = await Promise.all([
      stranger.publishTrigger("nothing", "turn", { messageId: "shared" }),
      replay(sequence),
    ]);
    expect(reply.outcome).toBe("replayed");
    expect(await turnsOf(jet)).toHaveLength(1);
  });

  test("of a trigger that was accepted after all has no second effect, and is gone", async () => {
    const jet = await jetOf("accepted");
    const of = await client.publishTrigger(jet, "turn");
    const [turn] = await turnsOf(jet);
    const origin = { stream: "JM_TRIGGERS", sequence: of, subject: `jm.trigger.root.${jet}.turn` };
    const sequence = await write(origin.subject, { origin });
    expect(await replay(sequence)).toMatchObject({ outcome: "had_effect", actionId: turn?.id });
    expect(await turnsOf(jet)).toHaveLength(1);
    expect(await numbers()).not.toContain(sequence);
  });

  test("brings a jet to its state, and calls a resume", async () => {
    const jet = await jetOf("target");
    await replay(await write(`jm.target.root.${jet}.resting`, { size: 2, data: "e30=" }));
    const [, hint] = [
      await turnsOf(jet),
      await write("jm.resume.default.0123456789abcdef01234567", {
        size: 43,
        data: Buffer.from('{"v":1,"id":"0123456789abcdef01234567"}').toString("base64"),
      }),
    ];
    // The body is shorter than it says: cut.
    await expect(replay(hint)).rejects.toMatchObject({ code: "not_replayable" });
    const whole = await write("jm.resume.default.0123456789abcdef01234567");
    const reply = await replay(whole);
    expect(reply).toMatchObject({ outcome: "replayed", stream: "JM_RESUME" });
    expect(reply).not.toHaveProperty("messageId");
  });

  test.each<[string, string, Partial<DeadLetter>, RegExp]>([
    ["was cut", "jm.trigger.root.a.turn", { size: 70_000 }, /was cut: \d+ of 70000 bytes/],
    [
      "is of a request",
      "jm.api.root.jet.trigger",
      { origin: { stream: "none", subject: "jm.api.root.jet.trigger" } },
      /whoever asked is gone/,
    ],
    [
      "is of another stream",
      "jm.trigger.root.a.turn",
      { origin: { stream: "KV_jm_jets", sequence: 1, subject: "$KV.jm_jets.a" } },
      /no queue of the mesh/,
    ],
    [
      "is of a subject that is not of its stream",
      "jm.trigger.root.a.turn",
      { origin: { stream: "JM_TRIGGERS", sequence: 1, subject: "jm.resume.default.x" } },
      /no queue of the mesh/,
    ],
  ])("that %s is refused, says why, and stays", async (_what, subject, rest, why) => {
    const sequence = await write(subject, rest);
    await expect(replay(sequence)).rejects.toMatchObject({
      code: "not_replayable",
      message: expect.stringMatching(why) as string,
    });
    expect(await numbers()).toContain(sequence);
  });
});

describe("a state-store that dies while it replays", () => {
  test.each([
    ["dead.replay/before=crash"],
    ["dead.replay/after=crash"],
    ["dead.replay/after=lose"],
    ["dead.remove/before=crash"],
    ["dead.remove/after=crash"],
  ])("at %s leaves a letter that has one effect in the end", async (fault) => {
    const jet = await jetOf(fault.replace(/[^a-z]/g, "-"));
    await Promise.all(mesh.services.filter(({ name }) => name === "state-store").map((one) => one.stop()));
    const faulty = await mesh.start("state-store", { JM_FAULTS: fault });
    const replaced = faulty.gone.then(() => mesh.start("state-store"));
    const sequence = await write(`jm.trigger.root.${jet}.turn`);
    const answer = await eventually(
      "the letter to be replayed, or to be gone",
      () =>
        client.request<ReplayReply>("dead.replay", { sequence }, 1_000).then(
          ({ outcome }) => outcome,
          (error: unknown) => ((error as { code?: string }).code === "unknown_letter" ? "gone" : undefined),
        ),
      { withinMs: 20_000, everyMs: 50 },
    );
    expect(["replayed", "gone"]).toContain(answer);
    expect(faulty.log()).toContain(`fault ${fault}`);
    if (faulty.isRunning()) await faulty.stop();
    await replaced;
    expect(await turnsOf(jet)).toHaveLength(1);
    expect(await numbers()).not.toContain(sequence);
  });
});
