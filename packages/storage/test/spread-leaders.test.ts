import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type LedStream, planLeaders } from "../src/spread-leaders.ts";

const NODES = ["a", "b", "c"];
const led = (leaders: string): LedStream[] =>
  Array.from(leaders).map((leader, index) => ({ stream: `s${String(index)}`, leader, nodes: NODES }));
/** Who leads what once everything is handed over. */
const after = (streams: readonly LedStream[]): string[] => {
  const moves = new Map(planLeaders(streams).map(({ stream, to }) => [stream, to]));
  return streams.map(({ stream, leader }) => moves.get(stream) ?? leader);
};

describe("the leaders of shards", () => {
  it.each(["abc", "cab", "aabbcc", "aabbc", "a", ""])("stay where they are spread already: %j", (leaders) => {
    expect(planLeaders(led(leaders))).toEqual([]);
  });

  it("are handed to the nodes that have fewer, and no more of them than needed", () => {
    expect(planLeaders(led("aaa"))).toEqual([
      { stream: "s1", to: "b" },
      { stream: "s2", to: "c" },
    ]);
    expect(planLeaders(led("aab"))).toEqual([{ stream: "s1", to: "c" }]);
  });

  it("go to nodes that keep the stream alone", () => {
    const streams = [
      { stream: "s0", leader: "a", nodes: ["a", "b"] },
      { stream: "s1", leader: "a", nodes: ["a", "c"] },
    ];
    expect(planLeaders(streams)).toEqual([{ stream: "s1", to: "c" }]);
  });

  it("are spread so that no node of a cluster that keeps all leads two more than another", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...NODES), { minLength: 1, maxLength: 64 }), (leaders) => {
        const streams = led(leaders.join(""));
        const leading = after(streams);
        const counts = NODES.map((node) => leading.filter((one) => one === node).length);
        expect(Math.max(...counts)).toBeLessThanOrEqual(Math.ceil(leaders.length / NODES.length));
        // Once spread, nothing more is moved.
        expect(planLeaders(streams.map((one, n) => ({ ...one, leader: leading[n] ?? "" })))).toEqual([]);
      }),
    );
  });
});
