import { ActionId } from "@jetmesh/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { actionIdOfChild, actionIdOfKey, actionIdOfMessage } from "../src/index.ts";

describe("the id of an action", () => {
  // Two processes of different releases must make the same id of the same request: these never change.
  it("is the same for ever for the same input", () => {
    expect(actionIdOfMessage("JM_TRIGGERS", 1)).toBe("400f624b6a0272484aed03f73d");
    expect(actionIdOfKey("alice", "deploy-42", "trigger", "web1")).toBe("cab9aefdc16dd445011931dcbd");
    expect(actionIdOfChild("0123456789abcdef0123456789", "hop", 0)).toBe("a579a56fc5ecfa8e5f85557312");
  });

  it("differs by every part of what it is made of", () => {
    const ids = [
      actionIdOfMessage("JM_TRIGGERS", 1),
      actionIdOfMessage("JM_TRIGGERS", 2),
      actionIdOfMessage("XY_TRIGGERS", 1),
      actionIdOfKey("alice", "1", "trigger", "web1"),
      actionIdOfKey("bob", "1", "trigger", "web1"),
      actionIdOfKey("alice", "2", "trigger", "web1"),
      actionIdOfChild("alice", "1", 0),
      actionIdOfChild("alice", "1", 1),
      actionIdOfChild("alice", "2", 0),
      actionIdOfChild("bob", "1", 0),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("does not depend on where one part ends and the next begins", () => {
    expect(actionIdOfKey("ab", "c", "trigger", "web1")).not.toBe(actionIdOfKey("a", "bc", "trigger", "web1"));
    expect(actionIdOfKey('a","b', "c", "trigger", "web1")).not.toBe(
      actionIdOfKey("a", 'b","c', "trigger", "web1"),
    );
    expect(actionIdOfChild("a", "b1", 2)).not.toBe(actionIdOfChild("a", "b", 12));
  });

  it("tells a message's number from a key that looks like it", () => {
    expect(actionIdOfMessage("alice", 1)).not.toBe(actionIdOfKey("alice", "1", "trigger", "web1"));
  });

  it("is a legal token whatever the key", () => {
    fc.assert(
      fc.property(fc.string(), fc.string({ unit: "binary" }), fc.nat(), (user, key, number) => {
        for (const id of [
          actionIdOfKey(user, key, "trigger", "web1"),
          actionIdOfMessage(key, number),
          actionIdOfChild(user, key, number),
        ])
          expect(ActionId.safeParse(id).success).toBe(true);
      }),
    );
  });

  it("differs for any two different keys", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" }), (one, other) => {
        expect(
          actionIdOfKey("alice", one, "trigger", "web1") === actionIdOfKey("alice", other, "trigger", "web1"),
        ).toBe(one === other);
      }),
    );
  });
});
