import { KindRecord } from "@jetmesh/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { identityOf } from "../src/identities.ts";

/** What makes two actions the same (ADR 0034). */
const kind = (identity: string[] | undefined, name = "build"): KindRecord =>
  KindRecord.parse({
    v: 1,
    kind: name,
    pool: name,
    delays: {},
    argument: {},
    ...(identity === undefined ? {} : { identity }),
  });
const reversed = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(reversed)
    : typeof value === "object" && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .map(([key, one]) => [key, reversed(one)])
            .toReversed(),
        )
      : value;
const object = fc.dictionary(fc.string({ minLength: 1, maxLength: 5 }), fc.jsonValue(), { maxKeys: 5 });
type Argument = Parameters<typeof identityOf>[1];

describe("the identity of an action", () => {
  it("is none where its kind says nothing of it", () => {
    expect(identityOf(kind(undefined), { commit: "a" })).toBeUndefined();
  });

  it("is all of the argument, in whatever order it was written, or only what is named", () => {
    fc.assert(
      fc.property(object, (argument) => {
        const key = identityOf(kind([]), argument as Argument);
        expect(identityOf(kind([]), reversed(argument) as Argument)).toBe(key);
        expect(identityOf(kind([]), { ...(argument as Argument), "one more key": 1 })).not.toBe(key);
        const named = kind(["commit"]);
        expect(identityOf(named, { ...(argument as Argument), commit: "a" })).toBe(
          identityOf(named, { commit: "a" }),
        );
      }),
    );
  });

  it("differs by what is named, by the order of a list, and by the kind", () => {
    const keys = [
      identityOf(kind(["commit"]), { commit: "a" }),
      identityOf(kind(["commit"]), { commit: "b" }),
      identityOf(kind(["commit"]), { commit: ["a", "b"] }),
      identityOf(kind(["commit"]), { commit: ["b", "a"] }),
      identityOf(kind(["commit"]), {}),
      identityOf(kind(["commit"], "deploy"), { commit: "a" }),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    expect(identityOf(kind(["commit"]), {})).toBe(identityOf(kind(["commit"]), { commit: null }));
  });
});
