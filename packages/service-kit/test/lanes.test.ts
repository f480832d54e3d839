import { describe, expect, it } from "vitest";
import { createLanes } from "../src/index.ts";

/** A task that begins when it is let and ends when it is told. */
function task(
  name: string,
  log: string[],
): { run: () => Promise<string>; end: () => void; fail: () => void } {
  const gate = Promise.withResolvers<string>();
  return {
    run: () => {
      log.push(`${name} begins`);
      return gate.promise.finally(() => log.push(`${name} ends`));
    },
    end: () => gate.resolve(name),
    fail: () => gate.reject(new Error(`${name} failed`)),
  };
}

describe("tasks of the same key", () => {
  it("run one after another, in the order in which they came", async () => {
    const log: string[] = [];
    const lanes = createLanes();
    const [a, b, c] = [task("a", log), task("b", log), task("c", log)];
    const all = [lanes.run("jet", a.run), lanes.run("jet", b.run), lanes.run("jet", c.run)];
    // The last may end first, were it let.
    c.end();
    b.end();
    a.end();
    expect(await Promise.all(all)).toEqual(["a", "b", "c"]);
    expect(log).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
  });

  it("begin at once where nobody is before them", () => {
    const log: string[] = [];
    const a = task("a", log);
    void createLanes().run("jet", a.run);
    expect(log).toEqual(["a begins"]);
    a.end();
  });

  it("go on after one that failed, whose error its own caller gets", async () => {
    const log: string[] = [];
    const lanes = createLanes();
    const [a, b] = [task("a", log), task("b", log)];
    const [first, second] = [lanes.run("jet", a.run), lanes.run("jet", b.run)];
    a.fail();
    b.end();
    await expect(first).rejects.toThrow("a failed");
    expect(await second).toBe("b");
  });
});

describe("tasks of different keys", () => {
  it("run side by side", async () => {
    const log: string[] = [];
    const lanes = createLanes();
    const [a, b] = [task("a", log), task("b", log)];
    const [first, second] = [lanes.run("one", a.run), lanes.run("two", b.run)];
    expect(log).toEqual(["a begins", "b begins"]);
    b.end();
    expect(await second).toBe("b");
    a.end();
    expect(await first).toBe("a");
  });
});

describe("a lane", () => {
  it("is forgotten when its last task has ended, well or badly", async () => {
    const log: string[] = [];
    const lanes = createLanes();
    const tasks = Array.from({ length: 100 }, (_, n) => task(`t${String(n)}`, log));
    const all = tasks.map((one, n) => lanes.run(`key ${String(n % 10)}`, one.run));
    expect(lanes.size).toBe(10);
    tasks.forEach((one, n) => (n % 3 === 0 ? one.fail() : one.end()));
    await Promise.allSettled(all);
    expect(lanes.size).toBe(0);
  });

  it("is kept while a task that came later still runs", async () => {
    const log: string[] = [];
    const lanes = createLanes();
    const [a, b] = [task("a", log), task("b", log)];
    const [first, second] = [lanes.run("jet", a.run), lanes.run("jet", b.run)];
    a.end();
    await first;
    expect(lanes.size).toBe(1);
    b.end();
    await second;
    expect(lanes.size).toBe(0);
  });
});
