import { describe, expect, it } from "vitest";
import { firstOf } from "../src/first-of.ts";

const never = new Promise<string>(() => undefined);
const timers = (): number =>
  process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;

describe("the first of several", () => {
  it("is whichever ends first, and what is not there is left out", async () => {
    expect(await firstOf([undefined, never, Promise.resolve("this")])).toBe("this");
    await expect(firstOf([never, Promise.reject(new Error("that"))])).rejects.toThrow("that");
  });

  it("is nothing once the time has passed, at once where there is none left", async () => {
    expect(await firstOf([never], 1)).toBeUndefined();
    expect(await firstOf([never], -5)).toBeUndefined();
    expect(await firstOf([], 0)).toBeUndefined();
  });

  it("leaves no timer behind, however far it was away", async () => {
    const before = timers();
    expect(await firstOf([Promise.resolve("this")], 10 ** 12)).toBe("this");
    expect(timers()).toBe(before);
  });
});
