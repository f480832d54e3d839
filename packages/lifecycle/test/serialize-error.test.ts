import { ActionError } from "@jetmesh/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { serializeError } from "../src/index.ts";

const UNREADABLE = { code: "main_threw", message: "something was thrown that cannot be read" };
const serialize = (thrown: unknown): ActionError => serializeError(thrown, "main_threw");
const size = (thrown: unknown): number => JSON.stringify(serialize(thrown)).length;

describe("a thrown Error", () => {
  it("keeps its message, its stack, its own properties and its cause", () => {
    const thrown = Object.assign(new Error("no", { cause: new TypeError("deeper") }), {
      status: 503,
      ok: false,
      none: null,
    });
    const error = serialize(thrown);
    expect(error).toMatchObject({
      code: "main_threw",
      message: "no",
      details: { status: 503, ok: false, none: null, cause: { name: "TypeError", message: "deeper" } },
    });
    expect(error.stack).toContain("Error: no");
  });

  it("is named where it has no message, and has no details where it has none", () => {
    expect(serialize(new RangeError())).toMatchObject({ message: "RangeError" });
    expect("details" in serialize(new Error("no"))).toBe(false);
  });

  it("may be its own cause, or hold itself in a list", () => {
    const thrown: Error & { all?: unknown } = new Error("round");
    thrown.cause = thrown;
    thrown.all = [thrown];
    expect(serialize(thrown).details).toMatchObject({
      cause: { message: "round" },
      all: [{ message: "round" }],
    });
  });

  it("holds objects that hold each other: the circle is cut, a shared one is not", () => {
    const shared = { a: 1 };
    const ring: Record<string, unknown> = { shared, again: shared };
    ring["ring"] = ring;
    const { details } = serialize(Object.assign(new Error("no"), { ring }));
    expect(details).toEqual({ ring: { shared: { a: 1 }, again: { a: 1 }, ring: "[circular]" } });
  });

  it("holds what JSON cannot: each is text", () => {
    const odd = { nan: NaN, big: 12n, symbol: Symbol("s"), undef: undefined, inf: -Infinity };
    expect(serialize(Object.assign(new Error("no"), odd)).details).toEqual({
      nan: "NaN",
      big: "12",
      symbol: "Symbol(s)",
      undef: "undefined",
      inf: "-Infinity",
    });
  });
});

describe("a huge error", () => {
  it("is shortened, in its message, its stack, its values and its keys", () => {
    const huge = "x".repeat(10_000_000);
    const thrown = Object.assign(new Error(huge), { value: huge, [huge]: 1 });
    const error = serialize(thrown);
    expect(error.message).toMatch(/^x{4000} … \(10000000 characters\)$/);
    expect(JSON.stringify(error).length).toBeLessThan(20_000);
  });

  it("is cut in depth and in breadth", () => {
    const wide = Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`k${at}`, at]));
    expect(Object.keys(serialize(Object.assign(new Error("no"), { wide })).details as object)).toEqual([
      "wide",
    ]);
    expect(size(Object.assign(new Error("no"), { wide, list: Array(10_000).fill("item") }))).toBeLessThan(
      10_000,
    );
    let deep: object = {};
    for (let level = 0; level < 10_000; level += 1) deep = { deep };
    expect(JSON.stringify(serialize(Object.assign(new Error("no"), deep)))).toContain("[deeper]");
  });

  it("whose few objects refer to each other fifty-fold does not unfold into millions", () => {
    let node: object = { leaf: "x".repeat(1_000) };
    for (let level = 0; level < 6; level += 1) {
      const below = node;
      node = Object.fromEntries(Array.from({ length: 50 }, (_, at) => [`k${at}`, below]));
    }
    expect(size(Object.assign(new Error("no"), { node }))).toBeLessThan(60_000);
  });
});

describe("a hostile throw", () => {
  const boom = (): never => {
    throw new Error("boom");
  };
  const hostile: readonly (readonly [string, unknown])[] = [
    [
      "an Error with a getter that throws",
      Object.defineProperty(new Error("no"), "bad", { get: boom, enumerable: true }),
    ],
    ["an Error whose message throws", Object.defineProperty(new Error("no"), "message", { get: boom })],
    [
      "an object with a getter that throws",
      Object.defineProperty({}, "bad", { get: boom, enumerable: true }),
    ],
    ["a proxy of which every trap throws", new Proxy({}, { get: boom, ownKeys: boom, getPrototypeOf: boom })],
    ["a function whose toString throws", Object.assign(() => 1, { toString: boom })],
    ["a revoked proxy", revoked()],
  ];
  function revoked(): object {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  }

  it.each(hostile)("%s is told of, and nothing is thrown", (_what, thrown) => {
    expect(serialize(thrown)).toEqual(UNREADABLE);
  });

  it("with an own toJSON that throws is not asked for it", () => {
    expect(ActionError.parse(serialize({ toJSON: boom })).message).toContain("toJSON");
  });

  it("with a message, a name or a stack that is no text is text all the same", () => {
    const thrown = Object.assign(new Error("no"), {
      message: ["a"],
      stack: 5,
      cause: Object.assign(new Error("in"), { name: 7 }),
    });
    expect(serialize(thrown)).toMatchObject({
      message: "a",
      stack: "5",
      details: { cause: { name: "7", message: "in" } },
    });
  });
});

describe("a throw of what is no Error", () => {
  it.each([
    ["a text", "no", "no"],
    ["an empty text", "", ""],
    ["undefined", undefined, 'thrown: "undefined"'],
    ["null", null, "thrown: null"],
    ["0", 0, "thrown: 0"],
    ["false", false, "thrown: false"],
    ["NaN", NaN, 'thrown: "NaN"'],
    ["an object", { status: 1 }, 'thrown: {"status":1}'],
  ])("%s is said in words", (_what, thrown, message) => {
    expect(serialize(thrown)).toEqual({ code: "main_threw", message });
  });
});

it("whatever is thrown, a reader accepts what comes of it", () => {
  fc.assert(
    fc.property(
      fc.anything({ withBigInt: true, withDate: true, withMap: true, withNullPrototype: true }),
      (thrown) => {
        for (const each of [thrown, Object.assign(new Error("no"), { thrown })]) {
          const error = serialize(each);
          expect(ActionError.safeParse(JSON.parse(JSON.stringify(error))).success).toBe(true);
        }
      },
    ),
    { numRuns: 300 },
  );
});
