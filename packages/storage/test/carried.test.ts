import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { carry, isArrived, parseTtl, remainingTtl, type StoredRecord } from "../src/carried.ts";

const NOW = Date.parse("2026-01-01T12:00:00Z");
const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
const text = (data: Uint8Array): string => new TextDecoder().decode(data);
const stored = (more: Partial<StoredRecord> = {}): StoredRecord => ({
  key: "web1",
  sequence: 57,
  storedAt: NOW - 10_000,
  headers: new Map(),
  data: json({ incarnation: 3, newer: [1, { a: 2 }] }),
  ...more,
});
const withTtl = (ttl: string, more: Partial<StoredRecord> = {}): StoredRecord =>
  stored({ headers: new Map([["Nats-TTL", ttl]]), ...more });
const marker = (more: Partial<StoredRecord> = {}): StoredRecord =>
  stored({
    headers: new Map([
      ["Nats-Marker-Reason", "MaxAge"],
      ["Nats-TTL", "1h0m0s"],
      ["Nats-Rollup", "sub"],
    ]),
    data: new Uint8Array(),
    ...more,
  });

describe("a record that is carried into another stream", () => {
  it("keeps what it says, word for word, also what nobody here knows of", () => {
    const record = stored();
    expect(carry(record, "jets").data).toEqual(record.data);
    expect(carry(record, "actions").data).toEqual(record.data);
  });

  it("knows its incarnation, where it is a jet that was written once and could not", () => {
    const first = stored({ data: json({ reference: "web1", incarnation: 0, newer: true }) });
    expect(text(carry(first, "jets").data)).toBe('{"reference":"web1","incarnation":57,"newer":true}');
    expect(carry(first, "actions").data).toEqual(first.data);
  });

  it.each(["", "{", "[]", "null", '"text"', "1"])(
    "is carried as it is where it cannot be read: %j",
    (data) => {
      const bytes = new TextEncoder().encode(data);
      expect(carry(stored({ data: bytes }), "jets").data).toEqual(bytes);
    },
  );

  it("keeps its own headers, and none of those by which the broker was told about the old write", () => {
    const headers = new Map([
      ["Nats-Expected-Last-Subject-Sequence", "12"],
      ["Nats-TTL", "60s"],
      ["Jm-State", "CLOSED"],
      ["Jm-Pool", "default"],
    ]);
    expect(carry(stored({ headers }), "actions").headers).toEqual([
      ["Jm-State", "CLOSED"],
      ["Jm-Pool", "default"],
    ]);
  });

  it("stays a marker where it is one", () => {
    expect(carry(marker(), "jets")).toMatchObject({
      isMarker: true,
      headers: [["Nats-Marker-Reason", "MaxAge"]],
      expiresAt: NOW - 10_000 + 3_600_000,
    });
    const deleted = carry(
      stored({ headers: new Map([["KV-Operation", "DEL"]]), data: new Uint8Array() }),
      "jets",
    );
    expect(deleted).toMatchObject({ isMarker: true, expiresAt: undefined });
  });
});

describe("the TTL of a record that is carried", () => {
  it.each([
    ["60s", 60_000],
    ["86400s", 86_400_000],
    ["1h0m0s", 3_600_000],
    ["24h0m0s", 86_400_000],
    ["1m30s", 90_000],
    ["1.5s", 1_500],
    ["500ms", 500],
    ["5", 5_000],
    ["never", undefined],
    ["", undefined],
    [undefined, undefined],
  ])("is read as the broker writes it: %j", (ttl, ms) => {
    expect(parseTtl(ttl)).toBe(ms);
  });

  it.each(["x", "5x", "s", "1h junk"])("is not guessed: %j", (ttl) => {
    expect(() => parseTtl(ttl)).toThrow(/not a TTL/);
  });

  it("is what is left of it, in whole seconds, and never less", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 100_000 }),
        fc.integer({ min: 0, max: 200_000_000 }),
        (ttl, age) => {
          const carried = carry(withTtl(`${String(ttl)}s`, { storedAt: NOW - age }), "actions");
          const left = ttl * 1_000 - age;
          const given = remainingTtl(carried, NOW);
          if (left <= 0) {
            expect(given).toBe("over");
            return;
          }
          expect(Number(given) % 1_000).toBe(0);
          expect(Number(given)).toBeGreaterThanOrEqual(left);
          expect(Number(given) - left).toBeLessThan(1_000);
        },
      ),
    );
  });

  it("is none where there was none: no record is given an end that it did not have", () => {
    expect(remainingTtl(carry(stored(), "jets"), NOW)).toBe("none");
  });
});

describe("what was carried", () => {
  const carried = carry(stored(), "jets");
  const passing = carry(withTtl("60s"), "jets");
  const over = carry(withTtl("11s"), "jets");
  const gone = carry(marker(), "jets");

  it("has arrived where the same lies there", () => {
    expect(isArrived(carried, carry(stored({ sequence: 900 }), "jets"), NOW)).toBe(true);
    expect(isArrived(passing, carry(withTtl("50s", { storedAt: NOW }), "jets"), NOW)).toBe(true);
  });

  it("has not where there is nothing, something else, or something with another end", () => {
    expect(isArrived(carried, undefined, NOW)).toBe(false);
    expect(isArrived(passing, undefined, NOW)).toBe(false);
    expect(isArrived(carried, gone, NOW)).toBe(false);
    expect(isArrived(carried, carry(stored({ data: json({ incarnation: 4 }) }), "jets"), NOW)).toBe(false);
    expect(isArrived(carried, passing, NOW)).toBe(false);
    expect(isArrived(passing, carried, NOW)).toBe(false);
    const other = carry(stored({ headers: new Map([["Jm-Open", "x"]]) }), "jets");
    expect(isArrived(carried, other, NOW)).toBe(false);
  });

  it("may be gone already where its time is over", () => {
    expect(isArrived(over, undefined, NOW)).toBe(true);
    expect(isArrived(over, gone, NOW)).toBe(true);
  });

  it("may be gone on one side and about to go on the other, where it is a marker", () => {
    expect(isArrived(gone, undefined, NOW)).toBe(true);
    expect(isArrived(gone, gone, NOW)).toBe(true);
    expect(isArrived(gone, over, NOW)).toBe(true);
    expect(isArrived(gone, carried, NOW)).toBe(false);
    expect(isArrived(gone, passing, NOW)).toBe(false);
  });
});
