import { describe, expect, it } from "vitest";
import { createTurns } from "../src/turns.ts";

/** A task that ends when it is told to, and says what ran while it did. */
function bench(patienceMs?: number) {
  const turns = createTurns(patienceMs);
  const running = new Set<string>();
  const met: string[] = [];
  const task = (
    name: string,
  ): { begun: Promise<void>; end: (thrown?: Error) => void; run: () => Promise<string> } => {
    let end: (thrown?: Error) => void = () => undefined;
    let begin: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => (begin = resolve));
    const ended = new Promise<void>((resolve, reject) => {
      end = (thrown) => (thrown === undefined ? resolve() : reject(thrown));
    });
    const run = async (): Promise<string> => {
      met.push([...running, name].join("+"));
      running.add(name);
      begin();
      await ended.finally(() => running.delete(name));
      return name;
    };
    return { begun, end, run };
  };
  return { turns, met, task };
}

describe("turns", () => {
  it("let those that may meet run side by side", async () => {
    const { turns, met, task } = bench();
    const [a, b] = [task("a"), task("b")];
    const both = [turns.together(a.run), turns.together(b.run)];
    await Promise.all([a.begun, b.begun]);
    a.end();
    b.end();
    expect(await Promise.all(both)).toEqual(["a", "b"]);
    expect(met).toEqual(["a", "a+b"]);
  });

  it("let one that runs alone begin after those before it, and hold back those behind it", async () => {
    const { turns, met, task } = bench();
    const [a, x, y, b] = [task("a"), task("x"), task("y"), task("b")];
    const all = [turns.together(a.run), turns.alone(x.run), turns.alone(y.run), turns.together(b.run)];
    await a.begun;
    a.end();
    await x.begun;
    x.end();
    await y.begun;
    y.end();
    await b.begun;
    b.end();
    await Promise.all(all);
    expect(met).toEqual(["a", "x", "y", "b"]);
  });

  it("go on behind one that failed", async () => {
    const { turns, task } = bench();
    const [a, b] = [task("a"), task("b")];
    const failing = turns.alone(a.run);
    const next = turns.together(b.run);
    a.end(new Error("broken"));
    await expect(failing).rejects.toThrow("broken");
    b.end();
    expect(await next).toBe("b");
  });

  it("do not wait for ever for one that hangs", async () => {
    const { turns, task } = bench(20);
    const [hangs, b] = [task("hangs"), task("b")];
    void turns.alone(hangs.run);
    b.end();
    expect(await turns.together(b.run)).toBe("b");
  });
});
