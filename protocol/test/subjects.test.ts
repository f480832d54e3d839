import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  ActionId,
  actionIdOfResume,
  createNames,
  Reference,
  referenceFromName,
  SUBJECT_TABLE,
} from "../src/index.ts";

const names = createNames();
const reference = fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,62}$/);
const actionId = fc.stringMatching(/^[a-z0-9]{16,40}$/);
const prefix = fc.stringMatching(/^[a-z][a-z0-9]{0,15}$/);

const ILLEGAL = ["", ".", "*", ">", "a.b", "a b", "A", "ä", "_a", "-a", "a\n", "a".repeat(64), "$KV"];

describe("the subject of a trigger", () => {
  it("says again what it was built of, under every prefix", () => {
    fc.assert(
      fc.property(prefix, reference, reference, reference, (head, user, jet, last) => {
        const { trigger } = createNames(head);
        expect(trigger.parse(trigger.of(user, jet, last))).toEqual({
          kind: "trigger",
          user,
          jet,
          action: last,
        });
        expect(trigger.parse(trigger.ofTarget(user, jet, last))).toEqual({
          kind: "target",
          user,
          jet,
          state: last,
        });
      }),
    );
  });

  it.each(ILLEGAL)("is none with the token %j, wherever it stands", (token) => {
    expect(names.trigger.parse(names.trigger.of(token, "web1", "start"))).toBeUndefined();
    expect(names.trigger.parse(names.trigger.of("alice", token, "start"))).toBeUndefined();
    expect(names.trigger.parse(names.trigger.of("alice", "web1", token))).toBeUndefined();
    expect(names.trigger.parse(names.trigger.ofTarget("alice", "web1", token))).toBeUndefined();
  });

  it.each([
    "jm.trigger.alice.web1",
    "jm.trigger.alice.web1.start.now",
    "jm.trigger",
    "jm",
    "",
    "jm.trigger.alice.web1.",
  ])("is none with a token too few or too many: %j", (subject) => {
    expect(names.trigger.parse(subject)).toBeUndefined();
  });

  it("is none of another mesh, nor another kind of subject", () => {
    expect(names.trigger.parse("jm2.trigger.alice.web1.start")).toBeUndefined();
    expect(names.trigger.parse("JM.trigger.alice.web1.start")).toBeUndefined();
    expect(names.trigger.parse("jm.api.alice.jet.trigger")).toBeUndefined();
  });
});

describe("the subject of a request", () => {
  it("says again who asks for what", () => {
    const endpoint = fc
      .array(fc.stringMatching(/^[a-z]+$/), { minLength: 1, maxLength: 3 })
      .map((tokens) => tokens.join("."));
    fc.assert(
      fc.property(prefix, reference, endpoint, (head, user, asked) => {
        const { api } = createNames(head);
        expect(api.parse(api.of(user, asked))).toEqual({ user, endpoint: asked });
      }),
    );
  });

  it.each([
    "jm.api.alice",
    "jm.api",
    "jm.api.ALICE.import",
    "jm2.api.alice.import",
    "jm.trigger.alice.web1.start",
  ])("is none: %j", (subject) => {
    expect(names.api.parse(subject)).toBeUndefined();
  });
});

describe("the subject of a resume", () => {
  it("says again the action's id", () => {
    fc.assert(
      fc.property(reference, actionId, (pool, id) => {
        expect(actionIdOfResume(names.resume.of(pool, id))).toBe(id);
      }),
    );
  });

  it.each(["jm.resume.default.", "jm.resume.default", "jm.resume.default.SHORT", "jm.resume.default.*"])(
    "has none: %j",
    (subject) => {
      expect(actionIdOfResume(subject)).toBeUndefined();
    },
  );
});

describe("a prefix", () => {
  it("renames every subject, bucket and, in upper case, stream", () => {
    const other = createNames("blue");
    expect(Object.values(other.streams)).toEqual([
      "BLUE_TRIGGERS",
      "BLUE_RESUME",
      "BLUE_SCHEDULES",
      "BLUE_HISTORY",
      "BLUE_LOGS",
      "BLUE_DEAD",
      "BLUE_ADVISORIES",
    ]);
    expect(Object.values(other.buckets)).toEqual([
      "blue_definitions",
      "blue_jets",
      "blue_actions",
      "blue_steps",
      "blue_secrets",
      "blue_runners",
      "blue_leases",
      "blue_slots",
    ]);
    const subjects = [
      other.trigger.all,
      other.trigger.allTargets,
      other.api.all,
      other.resume.all,
      other.resume.ofPool("p"),
      other.schedule.all,
      other.schedule.armed("s"),
      other.schedule.due("s"),
      other.history.all,
      other.log.all,
      other.dead.all,
      other.sealed("blue_jets"),
      other.svc.of("authz", "check"),
      other.svc.ofInstance("runner", "r1", "ask"),
    ];
    expect(subjects.filter((subject) => !subject.startsWith("blue."))).toEqual([]);
  });

  it("is jm where nothing else is said, with the subjects, streams and buckets of design §5", () => {
    expect(names.trigger.of("alice", "web1", "start")).toBe("jm.trigger.alice.web1.start");
    expect(names.trigger.ofTarget("alice", "web1", "running")).toBe("jm.target.alice.web1.running");
    expect(names.api.of("alice", "jet.list")).toBe("jm.api.alice.jet.list");
    expect(names.resume.of("default", "0123456789abcdef")).toBe("jm.resume.default.0123456789abcdef");
    expect([names.history.of("web1"), names.log.of("id"), names.dead.of("JM_TRIGGERS")]).toEqual([
      "jm.history.web1",
      "jm.log.id",
      "jm.dead.JM_TRIGGERS",
    ]);
    expect([names.kv("jm_jets", "web1"), names.kvStream("jm_jets")]).toEqual([
      "$KV.jm_jets.web1",
      "KV_jm_jets",
    ]);
  });

  it("names the schedule that is due, and takes no other subject for one", () => {
    expect(names.schedule.parse("jm.schedule.due.nightly")).toBe("nightly");
    const others = [
      "jm.schedule.at.nightly",
      "jm.schedule.due.Nightly",
      "jm.schedule.due.a.b",
      "x.schedule.due.a",
    ];
    expect(others.map((subject) => names.schedule.parse(subject))).toEqual(others.map(() => undefined));
  });

  it.each(["", "JM", "1m", "j-m", "j.m", "j".repeat(17), "jm\n"])("is refused: %j", (bad) => {
    expect(() => createNames(bad)).toThrow(/prefix of a mesh/);
  });
});

describe("the table of subjects", () => {
  it("has the eight kinds of design §5, those of schedules, that of a copied bucket and what the broker says, each under its stream", () => {
    expect(SUBJECT_TABLE.map(({ subject, stream }) => `${subject} ${stream}`)).toEqual([
      "jm.trigger.<user>.<jet>.<action> JM_TRIGGERS",
      "jm.target.<user>.<jet>.<state> JM_TRIGGERS",
      "jm.api.<user>.<endpoint> -",
      "jm.svc.<service>.<verb> -",
      "jm.resume.<pool>.<action-id> JM_RESUME",
      "jm.schedule.at.<schedule> JM_SCHEDULES",
      "jm.schedule.due.<schedule> JM_SCHEDULES",
      "jm.history.<jet or kind> JM_HISTORY",
      "jm.log.<action-id> JM_LOGS",
      "jm.dead.<stream> JM_DEAD",
      "jm.sealed.<bucket> KV_<bucket>",
      "$JS.EVENT.ADVISORY.CONSUMER.<kind>.<stream>.<consumer> JM_ADVISORIES",
    ]);
  });
});

describe("a name", () => {
  it.each(ILLEGAL)("%j is no reference", (token) => {
    expect(Reference.safeParse(token).success).toBe(false);
  });

  it.each(["0123456789abcde", "0123456789ABCDEF", "0123456789abcdef.", "a".repeat(41)])(
    "%j is no action id",
    (token) => {
      expect(ActionId.safeParse(token).success).toBe(false);
    },
  );

  it("makes a reference: spaces to _, lower case, the rest dropped", () => {
    expect(referenceFromName("  My Web  Server #1 ")).toBe("my_web_server_1");
    expect(referenceFromName("__Über-App")).toBe("ber-app");
    expect(referenceFromName("x".repeat(100))).toHaveLength(63);
  });

  it("makes a legal reference or none at all", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (name) => {
        const made = referenceFromName(name);
        expect(made === "" || Reference.safeParse(made).success).toBe(true);
      }),
    );
  });
});
