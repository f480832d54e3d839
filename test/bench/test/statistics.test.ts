import { expect, test } from "vitest";
import { median, quantile, round } from "../report/statistics.ts";

test("a quantile is the sample that its share of the others lies below", () => {
  const sorted = Float64Array.from({ length: 100 }, (_, at) => at + 1);
  expect(quantile(sorted, 0.5)).toBe(51);
  expect(quantile(sorted, 0.99)).toBe(100);
  expect(quantile(sorted, 1)).toBe(100);
  expect(quantile([], 0.5)).toBe(0);
});

test("a median is the one in the middle, or between the two", () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([7])).toBe(7);
});

test("rounding keeps as many digits as asked for", () => {
  expect(round(1.2345)).toBe(1.23);
  expect(round(1.2345, 0)).toBe(1);
});
