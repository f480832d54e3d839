import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ExpressionError, evaluate } from "../src/index.ts";

describe("an expression", () => {
  it.each([
    ["port + 1", { port: 8080 }, 8081],
    ["port > 1024 && name.startsWith('w')", { port: 8080, name: "web" }, true],
    ["half + 0.25", { half: 0.5 }, 0.75],
    ["all[size(all) - 1].id", { all: [{ id: "a" }, { id: "b" }] }, "b"],
    ["has(outputs.a) ? outputs.a.n : 0", { outputs: {} }, 0],
    ["{'a': [1, 'two', null]}", {}, { a: [1, "two", null] }],
    ["nothing == null", { nothing: null }, true],
    ["timestamp('2026-01-01T00:00:00Z')", {}, "2026-01-01T00:00:00.000Z"],
  ])("%s", (expression, values, result) => {
    expect(evaluate(expression, values)).toEqual(result);
  });

  it.each([
    ["nothing == 1", {}, "Unknown variable: nothing"],
    ["outputs.a.b", { outputs: {} }, "No such key: a"],
    ["1 +", {}, ""],
    ["x.constructor", { x: {} }, "No such key"],
    ["toString", {}, ""],
    ["b'bytes'", {}, "no JSON"],
    ["9007199254740991 + 1", {}, "larger"],
  ])("that cannot be evaluated says why: %s", (expression, values, why) => {
    expect(() => evaluate(expression, values)).toThrow(ExpressionError);
    expect(() => evaluate(expression, values)).toThrow(why);
  });

  it("throws nothing else, whatever it is", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), fc.jsonValue(), (expression, x) => {
        try {
          evaluate(expression, { x });
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(ExpressionError);
        }
      }),
      { numRuns: 500 },
    );
  });
});
