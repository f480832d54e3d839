import { describe, expect, it } from "vitest";
import { duration, parseArgument, parsePairs, reference, wholeNumber } from "../src/arguments.ts";

describe("NAME=VALUE", () => {
  it("is read as YAML reads a value, so that numbers are numbers and quotes keep text text", () => {
    const pairs = [
      "port=8080",
      'zip="0815"',
      "on=true",
      "none=",
      "tags=[a, 2]",
      "url=nats://host:4222",
      "eq=a=b",
    ];
    expect(parsePairs("--var", pairs)).toEqual({
      port: 8080,
      zip: "0815",
      on: true,
      none: "",
      tags: ["a", 2],
      url: "nats://host:4222",
      eq: "a=b",
    });
  });

  it.each(["port", "=1"])("is not %s", (pair) => {
    expect(() => parsePairs("--var", [pair])).toThrow(`--var takes NAME=VALUE, not '${pair}'`);
  });

  it("that cannot be read is refused with what to do", () => {
    expect(() => parsePairs("--arg", ["a=[1"])).toThrow(/--arg: '\[1' cannot be read .* put text in quotes/);
  });
});

describe("the argument of a trigger", () => {
  it("is one object, with single values on top of it", () => {
    expect(parseArgument({ argument: '{"a":1,"b":{"c":2}}', arg: ["a=3"] })).toEqual({ a: 3, b: { c: 2 } });
  });

  it.each(["[1]", "null", "3", "{"])("is not %s", (argument) => {
    expect(() => parseArgument({ argument, arg: [] })).toThrow("--argument takes a JSON object");
  });
});

describe("an option's value", () => {
  it("is a duration", () => {
    expect([duration("30s"), duration("5m"), duration("250")]).toEqual([30_000, 300_000, 250]);
    expect(() => duration("soon")).toThrow("30s");
    expect(() => duration("0")).toThrow("30s");
  });

  it("is a whole number within its bounds", () => {
    const port = wholeNumber(-1, 65_535);
    expect([port("-1"), port("4222")]).toEqual([-1, 4222]);
    for (const text of ["-2", "65536", "1.5", "x", ""]) expect(() => port(text)).toThrow("from -1 to 65535");
  });

  it("is a reference, legal in a subject", () => {
    expect(reference("web_1")).toBe("web_1");
    for (const text of ["Web", "a.b", "*", ""]) expect(() => reference(text)).toThrow("a-z");
  });
});
