import { expect, test } from "vitest";
import { closedLoop, type LoopResult } from "../inside/closed-loop.ts";
import { waiting } from "../inside/waiting.ts";
import { rotated } from "../rounds.ts";

test("keeps as many under way as asked for, counts what ends between its two instants, and waits for the rest", async () => {
  let underWay = 0;
  let most = 0;
  let all = 0;
  const said: string[] = [];
  let result: LoopResult | undefined;
  await closedLoop(
    async () => {
      most = Math.max(most, ++underWay);
      await new Promise((resolve) => setTimeout(resolve, 2));
      underWay -= 1;
      all += 1;
    },
    { inFlight: 3, warmUpMs: 20, forMs: 60 },
    {
      began: () => said.push("began"),
      ended: (counted) => {
        said.push("ended");
        result = counted;
      },
    },
  );
  expect(said).toEqual(["began", "ended"]);
  expect(most).toBe(3);
  expect(underWay).toBe(0);
  expect(result?.latencies.length).toBeGreaterThan(0);
  expect(result?.latencies.length).toBeLessThan(all);
  expect(result?.tookMs).toBeGreaterThanOrEqual(59);
});

test("a job that fails fails the loop", async () => {
  const said: string[] = [];
  const events = { began: () => void said.push("began"), ended: () => void said.push("ended") };
  const loop = closedLoop(
    () => Promise.reject(new Error("refused")),
    { inFlight: 2, warmUpMs: 0, forMs: 5 },
    events,
  );
  await expect(loop).rejects.toThrow("refused");
  await new Promise((resolve) => setTimeout(resolve, 30));
  expect(said).toEqual([]);
});

test("a caller hears of the end of its own job, also when the news is quicker than its trigger's answer", async () => {
  const callers = waiting();
  const one = callers.for("one");
  const two = callers.for("two");
  callers.ended("one");
  callers.ended("nobody's");
  await one;
  callers.failed("two", "it broke");
  await expect(two).rejects.toThrow("two failed: it broke");
});

test("the order of engines moves on by one each time", () => {
  expect([0, 1, 2, 3].map((turn) => rotated(["a", "b", "c"], turn).join(""))).toEqual([
    "abc",
    "bca",
    "cab",
    "abc",
  ]);
  expect(rotated([], 3)).toEqual([]);
});
