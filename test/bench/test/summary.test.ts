import { expect, test } from "vitest";
import { rowsOf, withRatios } from "../report/summary.ts";
import { row, slice } from "./reports.ts";

test("the rate is the median of the rounds, the quantiles are over all their samples", () => {
  const slow = Array.from({ length: 10 }, () => 100);
  const quick = Array.from({ length: 30 }, () => 1);
  const middle = Array.from({ length: 20 }, () => 2);
  const [found] = rowsOf([slice("one", 16, slow), slice("one", 16, quick), slice("one", 16, middle)]);
  expect(found).toMatchObject({ inFlight: 16, rate: 20, rates: [10, 30], p50: 2, p99: 100 });
});

test("loads are kept apart, in the order in which they were measured", () => {
  const rows = rowsOf([slice("one", 1, [1]), slice("one", 16, [1, 1]), slice("one", 1, [1])]);
  expect(rows.map(({ inFlight, rate }) => [inFlight, rate])).toEqual([
    [1, 1],
    [16, 2],
  ]);
});

test("CPU is for one job over all rounds, memory the most of any, without the caller's", () => {
  const [found] = rowsOf([
    slice("one", 1, [1, 1, 1], { cpuMs: { server: 30, worker: 6, load: 3 } }),
    slice("one", 1, [1], { memoryBytes: { server: 100 * 1024 ** 2, worker: 1024 ** 2, load: 1024 ** 3 } }),
  ]);
  expect(found).toMatchObject({ cpuUs: { server: 10_000, worker: 6_500, load: 2_000 }, memoryMb: 101 });
});

test("a slice in which nothing ended has a rate of nothing, not of NaN", () => {
  expect(rowsOf([slice("one", 1, [])])).toMatchObject([
    { rate: 0, p50: 0, cpuUs: { server: 0, worker: 0, load: 0 } },
  ]);
});

test("a ratio above one says that we are ahead, in rate and in latency; without a row of ours there is none", () => {
  const theirs = [row(1, 200, { p50: 5 }), row(16, 500)];
  expect(withRatios(theirs, [{ inFlight: 1, rate: 300, p50: 2, p99: 9 }])).toMatchObject([
    { ratioToUs: 1.5, p50RatioToUs: 2.5 },
    { inFlight: 16 },
  ]);
  expect(withRatios(theirs, [])[0]).not.toHaveProperty("ratioToUs");
});
