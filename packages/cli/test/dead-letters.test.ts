import type { NumberedLetter } from "@jetmesh/protocol";
import { describe, expect, it } from "vitest";
import { letterLines } from "../src/commands/dead.ts";
import { bodyLines, printable } from "../src/dead-body.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("the body of a dead letter", () => {
  it("is shown as text where it is text, line by line", () => {
    expect(bodyLines(bytes('{"argument":{"name":"Zoë"}}\n'))).toEqual(['{"argument":{"name":"Zoë"}}']);
    expect(bodyLines(bytes("{not\tjson\r\nat all"))).toEqual(["{not\tjson", "at all"]);
    expect(bodyLines(new Uint8Array())).toEqual([]);
  });

  it("is shown in hex where it is not, with what can be read beside it", () => {
    expect(bodyLines(Uint8Array.from([0, 255, 123, 34, 97, 34, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 65]))).toEqual([
      '00000000  00 ff 7b 22 61 22 0a 01 02 03 04 05 06 07 08 09  |..{"a"..........|',
      "00000010  41                                               |A|",
    ]);
  });

  it.each([
    ["an escape sequence", "\u001b[2Jgone"],
    ["a carriage return that writes over the line", "harm\rless"],
    ["a control of C1", "\u009b31m"],
    ["a turn of the direction of writing", "\u202egnp.exe"],
    ["a backspace", "a\b"],
  ])("never gives the terminal %s", (_what, text) => {
    for (const line of bodyLines(bytes(text))) expect(line).toMatch(/^[\x20-\x7e]*$/);
  });
});

describe("what somebody else sent", () => {
  it("is shown on one line with what a terminal would act on spelt out", () => {
    expect(printable("a\u001b[2J\nb\u202e")).toBe("a\\u001b[2J\\u000ab\\u202e");
    expect(printable("jm.trigger.Zoë")).toBe("jm.trigger.Zoë");
  });
});

describe("a dead letter", () => {
  const letter: NumberedLetter = {
    v: 1,
    sequence: 7,
    reason: "the body is not JSON",
    code: "invalid_request",
    at: "2026-01-01T12:00:00.000Z",
    origin: { stream: "JM_TRIGGERS", sequence: 42, subject: "jm.trigger.alice.web1.start", deliveries: 1 },
    headers: { "Nats-Msg-Id": "a" },
    size: 70_000,
    data: Buffer.from("{oops").toString("base64"),
  };

  it("is shown with its reason, where it came from, its headers, its size and its body", () => {
    const lines = letterLines(letter);
    expect(lines).toEqual(
      expect.arrayContaining([
        "letter:     7",
        "reason:     the body is not JSON",
        "code:       invalid_request",
        "stream:     JM_TRIGGERS",
        "sequence:   42",
        "subject:    jm.trigger.alice.web1.start",
        "deliveries: 1",
        "size:       70000 bytes, of which the first 5 are kept",
        "  Nats-Msg-Id: a",
      ]),
    );
    expect(lines.slice(-2)).toEqual(["", "{oops"]);
  });

  it("of a request has no stream, and says so", () => {
    const origin = { stream: "none", subject: "jm.api.alice.jet.trigger" };
    expect(letterLines({ ...letter, origin })).toContain("stream:  none: a request");
  });
});
