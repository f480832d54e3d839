import type { StepChunk } from "@jetmesh/protocol";
import { describe, expect, it } from "vitest";
import { createChunkCache } from "../src/chunk-cache.ts";

const chunk = (mark: string): StepChunk => ({
  ...{ v: 1, id: "fedcba9876543210", number: 0, attempt: 1, before: "", steps: [] },
  mark,
});
const SIZE = JSON.stringify(chunk("a")).length;

describe("chunks that a runner keeps in memory", () => {
  it("are at most so many bytes, and the one not asked for the longest goes", () => {
    const cache = createChunkCache(SIZE * 2);
    cache.keep("a", chunk("a"));
    cache.keep("b", chunk("b"));
    expect(cache.get("a")?.mark).toBe("a");
    cache.keep("c", chunk("c"));
    expect([cache.get("a")?.mark, cache.get("b")?.mark, cache.get("c")?.mark]).toEqual(["a", undefined, "c"]);
    expect(cache.bytes).toBe(SIZE * 2);
  });

  it("count once, and one that is larger than all of it is not kept", () => {
    const cache = createChunkCache(SIZE * 2);
    cache.keep("a", chunk("a"));
    cache.keep("a", chunk("b"));
    expect([cache.get("a")?.mark, cache.bytes]).toEqual(["b", SIZE]);
    cache.keep("d", chunk("d".repeat(SIZE * 3)));
    expect([cache.get("d"), cache.bytes]).toEqual([undefined, 0]);
  });
});
