import { expect, test } from "vitest";
import { judgeQueues } from "../src/doctor/broker.ts";

const runners = [{ pools: ["default", "heavy"] }, { pools: ["heavy"], labels: ["eu", "gpu"] }];
const waitingIn = (...queues: string[]): { queue: string; pending: number }[] =>
  queues.map((queue) => ({ queue, pending: 2 }));

test("what waits where a runner has the pool and all labels is none to be told of, in whatever lane", () => {
  const served = waitingIn("default", "default=low", "heavy+gpu", "heavy+eu+gpu=high", "heavy");
  expect(judgeQueues(served, runners)).toEqual([]);
});

test("a queue in which nothing waits is none to be told of", () => {
  expect(judgeQueues([{ queue: "gone+arm", pending: 0 }], runners)).toEqual([]);
});

test("what waits where nobody serves the pool, or nobody has all labels, is told with what to start", () => {
  expect(judgeQueues(waitingIn("gone", "default+gpu", "heavy+eu+ssd=low"), runners)).toEqual([
    {
      ...{ status: "warning", check: "queues" },
      found: "2 waiting in pool 'gone', which no runner serves",
      remedy: "start a runner with JM_POOLS=gone",
    },
    {
      ...{ status: "warning", check: "queues" },
      found: "2 waiting in pool 'default' with label 'gpu', which no runner serves",
      remedy: "start a runner with JM_POOLS=default and JM_LABELS=gpu",
    },
    {
      ...{ status: "warning", check: "queues" },
      found: "2 waiting in pool 'heavy' with labels 'eu', 'ssd', which no runner serves",
      remedy: "start a runner with JM_POOLS=heavy and JM_LABELS=eu,ssd",
    },
  ]);
});
