import { createUserKey } from "@jetmesh/storage";
import { describe, expect, it } from "vitest";
import { usersByKey } from "../src/auth/user-keys.ts";

const [ROOT, GATEWAY, A, B] = [1, 2, 3, 4].map(() => createUserKey().publicKey) as [
  string,
  string,
  string,
  string,
];
const OWN = new Map([
  ["root", ROOT],
  ["the gateway", GATEWAY],
]);
const by = (defined: Record<string, string>): ReturnType<typeof usersByKey> =>
  usersByKey(new Map(Object.entries(defined)), OWN, "root");
const ROOT_ALONE = { name: "root", publicKeys: [ROOT] };

describe("who may connect by which key", () => {
  it("is everybody by the key of their definition, and root by its own", () => {
    expect(by({ bob: B, alice: A })).toEqual({
      users: [{ name: "alice", publicKeys: [A] }, { name: "bob", publicKeys: [B] }, ROOT_ALONE],
      problems: [],
    });
  });

  it("is nobody by a key that two have, for either could come in as the other", () => {
    const { users, problems } = by({ alice: A, bob: A });
    expect(users).toEqual([ROOT_ALONE]);
    expect(problems).toEqual([
      "the public key of user 'alice' is also that of bob",
      "the public key of user 'bob' is also that of alice",
    ]);
  });

  it("is nobody by the key of a service or of root, who keep theirs", () => {
    const { users, problems } = by({ mallory: GATEWAY, eve: ROOT });
    expect(users).toEqual([ROOT_ALONE]);
    expect(problems).toHaveLength(2);
  });

  it("is nobody by what only looks like a key: a server with one does not start", () => {
    const broken = `${A.slice(0, -1)}${A.endsWith("A") ? "B" : "A"}`;
    expect(by({ alice: broken })).toEqual({
      users: [ROOT_ALONE],
      problems: ["the public key of user 'alice' is none"],
    });
  });

  it("is root by a second key, where root has a definition with one", () => {
    expect(by({ root: A }).users).toEqual([{ name: "root", publicKeys: [ROOT, A] }]);
    expect(by({ root: ROOT }).users).toEqual([ROOT_ALONE]);
  });
});
