// What a user may try. Each attack says whether it came through; it must against the naive configuration beside it, so
// that it is known to be one, and must not against ours.
import { type Connection, headerBlock } from "@jetmesh/storage";
import { expect, test } from "vitest";
import { happens, type Naive, OWN_NAME, startWorld, type World } from "../../support/auth-world.ts";

type Attack = (world: World) => Promise<boolean>;

async function compare(attack: Attack, naive: Naive): Promise<void> {
  {
    await using world = await startWorld(naive);
    expect(await attack(world), "against the naive configuration").toBe(true);
  }
  await using world = await startWorld();
  expect(await attack(world), "against ours").toBe(false);
}

const send = async (
  { outbox, nc }: Connection,
  subject: string,
  { body = "", reply = "", headers }: { body?: string; reply?: string; headers?: [string, string][] } = {},
): Promise<void> => {
  outbox.publish(subject, body, reply, headers === undefined ? "" : headerBlock(headers));
  outbox.flush();
  await nc.flush();
};

const isStored = (world: World, stream: string, subject: string): Promise<boolean> =>
  happens(async () => (await world.stored(stream, subject)) > 0);

/** Hears something on a subject that it listens on. */
const hears = async (
  connection: Connection,
  subject: string,
  during: () => Promise<void>,
): Promise<boolean> => {
  let heard = 0;
  const subscription = connection.nc.subscribe(subject, {
    callback: (error) => void (heard += error === null ? 1 : 0),
  });
  await connection.nc.flush();
  await during();
  const did = await happens(() => heard > 0);
  subscription.unsubscribe();
  return did;
};

const ANY_NAME: Naive = { publish: () => ["jm.trigger.>", "jm.target.>", "jm.api.>"] };
const LIKE_A_JETSTREAM_CLIENT: Naive = { publish: (user) => [...OWN_NAME.publish(user), "$JS.API.>"] };

test.each([
  ["a trigger", "jm.trigger.bob.web.start"],
  ["a target", "jm.target.bob.web.running"],
])("nobody publishes %s as another", (_what, subject) =>
  compare(async (world) => {
    await send(await world.user("alice"), subject);
    return isStored(world, world.names.streams.triggers, subject);
  }, ANY_NAME),
);

test("nobody asks the API as another", () =>
  compare(async (world) => {
    await send(await world.user("alice"), "jm.api.bob.jet.get");
    return happens(() => world.asked.includes("jm.api.bob.jet.get"));
  }, ANY_NAME));

// Where the answer is one of the broker (to a trigger), or of a service (to the API).
const DEPUTIES = ["jm.trigger.alice.web.start", "jm.api.alice.jet.get"] as const;

test.each(
  DEPUTIES.flatMap((deputy) =>
    [
      ["a bucket", "KV_jm_jets", "$KV.jm_jets.web"],
      ["a bucket of definitions", "KV_jm_definitions", "$KV.jm_definitions.user.alice"],
      ["another's trigger", "JM_TRIGGERS", "jm.trigger.bob.web.stop"],
      ["another's target", "JM_TRIGGERS", "jm.target.bob.web.stopped"],
      ["a work queue", "JM_RESUME", "jm.resume.default.abcdefabcdef"],
      ["the history", "JM_HISTORY", "jm.history.web"],
    ].map(([what = "", stream = "", reply = ""]) => ({ deputy, what, stream, reply })),
  ),
)("the answer to $deputy is not stored where its reply subject points: $what", ({ deputy, stream, reply }) =>
  compare(async (world) => {
    await send(await world.user("alice"), deputy, { reply });
    return isStored(world, stream, reply);
  }, OWN_NAME),
);

test.each(DEPUTIES)("the answer to %s does not come to another's inbox", (deputy) =>
  compare(async (world) => {
    const [alice, bob] = [await world.user("alice"), await world.user("bob")];
    const inbox = bob.newInbox();
    return hears(bob, inbox, () => send(alice, deputy, { reply: inbox }));
  }, OWN_NAME),
);

// An account for all users keeps answers out of the mesh, and lets them come to whoever's inbox is named.
test("an account of one's own keeps answers from others' inboxes, where one for all users does not", () =>
  compare(
    async (world) => {
      const [alice, bob] = [await world.user("alice"), await world.user("bob")];
      const inbox = bob.newInbox();
      return hears(bob, inbox, () => send(alice, "jm.api.alice.jet.get", { reply: inbox }));
    },
    { ...OWN_NAME, subscribe: (user) => [`_INBOX.${user}.>`], usersApart: true },
  ));

test("the answer to a trigger is no request to the API in another's name", () =>
  compare(async (world) => {
    await send(await world.user("alice"), "jm.trigger.alice.web.start", { reply: "jm.api.bob.jet.get" });
    return happens(() => world.asked.includes("jm.api.bob.jet.get"));
  }, OWN_NAME));

test("the answer to a trigger is no request to the broker: no stream is taken away by it", () =>
  compare(async (world) => {
    // The broker takes no PubAck for a request; what came is that it was asked, which it says to whoever listens.
    return hears(world.operator, "$JS.EVENT.ADVISORY.API", async () => {
      await send(await world.user("alice"), "jm.trigger.alice.web.start", {
        reply: `$JS.API.STREAM.PURGE.${world.names.streams.triggers}`,
      });
    });
  }, OWN_NAME));

test.each(["state-store", "authz", "gateway", "runner"])(
  "a user named %s is no service: it neither says nor hears what is said between them",
  (name) =>
    compare(
      async (world) => {
        const user = await world.user(name);
        const subject = `jm.svc.${name}.pool`;
        const says = await hears(world.operator, subject, () => send(user, subject));
        const hearsIt = await hears(user, subject, () => send(world.operator, subject));
        expect(says).toBe(hearsIt);
        return says;
      },
      // One rule for the three subjects, which is shorter.
      { publish: (user) => [`jm.*.${user}.>`], subscribe: (user) => ["_INBOX.>", `jm.*.${user}.>`] },
    ),
);

const AT = "jm.trigger.alice.web.later";
test("a schedule on a trigger does not make another's trigger", () =>
  compare(
    async (world) => {
      await send(await world.user("alice"), AT, {
        headers: [
          ["Nats-Schedule", "@at 2020-01-01T00:00:00Z"],
          ["Nats-Schedule-Target", "jm.trigger.bob.web.stop"],
        ],
      });
      return isStored(world, world.names.streams.triggers, "jm.trigger.bob.web.stop");
    },
    { ...OWN_NAME, triggers: { allow_msg_schedules: true, allow_msg_ttl: true, discard: "old" } },
  ));

test.each(["at", "due"])("a user says of no schedule that it is %s", (moment) =>
  compare(
    async (world) => {
      const subject = `jm.schedule.${moment}.nightly`;
      await send(await world.user("alice"), subject);
      return isStored(world, world.names.streams.schedules, subject);
    },
    // One rule for whatever is the mesh's.
    { ...OWN_NAME, publish: () => ["jm.>"] },
  ),
);

test("a rollup on a trigger does not take others' triggers away", () =>
  compare(
    async (world) => {
      const { triggers } = world.names.streams;
      await send(await world.user("bob"), "jm.trigger.bob.web.start");
      expect(await isStored(world, triggers, "jm.trigger.bob.web.start")).toBe(true);
      await send(await world.user("alice"), AT, { headers: [["Nats-Rollup", "all"]] });
      return happens(async () => (await world.stored(triggers, "jm.trigger.bob.web.start")) === 0);
    },
    { ...OWN_NAME, triggers: { allow_rollup_hdrs: true } },
  ));

test.each([
  ["a TTL", [["Nats-TTL", "1s"]], { allow_msg_ttl: true }],
  [
    "a batch",
    [
      ["Nats-Batch-Id", "one"],
      ["Nats-Batch-Sequence", "1"],
      ["Nats-Batch-Commit", "1"],
    ],
    { allow_atomic: true },
  ],
] as [string, [string, string][], Record<string, unknown>][])(
  "%s on a trigger is refused with its trigger, and not ignored",
  (_what, headers, triggers) =>
    compare(
      async (world) => {
        const alice = await world.user("alice");
        const reply = await alice.pipeline.call(AT, "", headerBlock(headers), 2_000);
        const isStoredNow = await isStored(world, world.names.streams.triggers, AT);
        const error = typeof reply === "string" ? reply : reply.json<{ error?: unknown }>().error;
        expect(error === undefined).toBe(isStoredNow);
        return isStoredNow;
      },
      { ...OWN_NAME, triggers },
    ),
);

test("another's message id holds a trigger up for a tenth of a second, and not for minutes", () =>
  compare(
    async (world) => {
      const [alice, bob] = [await world.user("alice"), await world.user("bob")];
      const sameId = headerBlock([["Nats-Msg-Id", "order-1"]]);
      await alice.pipeline.call("jm.trigger.alice.web.start", "", sameId, 2_000);
      return !(await happens(async () => {
        await bob.pipeline.call("jm.trigger.bob.web.start", "", sameId, 2_000);
        return (await world.stored(world.names.streams.triggers, "jm.trigger.bob.web.start")) > 0;
      }));
    },
    { ...OWN_NAME, triggers: { duplicate_window: 120_000_000_000 } },
  ));

test.each(["_INBOX.bob.>", "_INBOX.>", ">"])("nobody reads another's replies by listening on %s", (subject) =>
  compare(
    async (world) => {
      const [alice, bob] = [await world.user("alice"), await world.user("bob")];
      return hears(alice, subject, async () => {
        expect(typeof (await bob.pipeline.call("jm.api.bob.jet.get", "", undefined, 2_000))).toBe("object");
      });
    },
    { ...OWN_NAME, subscribe: () => ["_INBOX.>", ">"] },
  ),
);

test.each(["jm.trigger.bob.>", "jm.api.>", "jm.history.>", "jm.log.>", "$KV.>"])(
  "nobody hears on %s what is said by others",
  (subject) =>
    compare(
      async (world) => {
        const alice = await world.user("alice");
        return hears(alice, subject, () => send(world.operator, subject.replace(/>$/, "bob.web")));
      },
      { ...OWN_NAME, subscribe: () => [">"] },
    ),
);

test.each([
  ["KV_jm_jets", "$KV.jm_jets.web"],
  ["KV_jm_actions", "$KV.jm_actions.abcdefabcdef"],
  ["KV_jm_definitions", "$KV.jm_definitions.user.alice"],
  ["JM_RESUME", "jm.resume.default.abcdefabcdef"],
  ["JM_HISTORY", "jm.history.web"],
  ["JM_LOGS", "jm.log.abcdefabcdef"],
  ["JM_DEAD", "jm.dead.JM_TRIGGERS"],
])("no user writes %s", (stream, subject) =>
  compare(
    async (world) => {
      await send(await world.user("alice"), subject, { body: "{}" });
      return isStored(world, stream, subject);
    },
    { publish: () => [">"] },
  ),
);

const asksBroker = async (connection: Connection, subject: string, body: unknown = ""): Promise<boolean> => {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const reply = await connection.pipeline.call(`$JS.API.${subject}`, text, undefined, 700);
  return typeof reply !== "string" && reply.json<{ error?: unknown }>().error === undefined;
};

test.each([
  ["creates no consumer", "CONSUMER.CREATE.KV_jm_jets.mine", "KV_jm_jets"],
  ["deletes no consumer", "CONSUMER.DELETE.JM_TRIGGERS.state-store", undefined],
  ["creates no stream", "STREAM.CREATE.MINE", undefined],
  ["deletes no stream", "STREAM.DELETE.JM_HISTORY", undefined],
  ["empties no stream", "STREAM.PURGE.JM_HISTORY", undefined],
  ["reads no stream", "STREAM.INFO.KV_jm_jets", undefined],
])("a user %s", (_what, subject, stream) =>
  compare(async (world) => {
    const body =
      stream !== undefined
        ? { stream_name: stream, config: { name: "mine", ack_policy: "none", deliver_policy: "all" } }
        : subject.startsWith("STREAM.CREATE")
          ? { name: "MINE", subjects: ["mine.>"] }
          : "";
    return asksBroker(await world.user("alice"), subject, body);
  }, LIKE_A_JETSTREAM_CLIENT),
);
