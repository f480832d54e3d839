import { describe, expect, it } from "vitest";
import { judgeSuspect, MOST_TRIALS, SUSPECT_FROM_DELIVERY } from "../src/index.ts";

describe("a message", () => {
  it("is handled as usual until its fourth delivery, whatever a mark says", () => {
    for (let deliveries = 1; deliveries < SUSPECT_FROM_DELIVERY; deliveries += 1)
      for (const trials of [0, 1, MOST_TRIALS, 100]) expect(judgeSuspect(deliveries, trials)).toBe("handle");
  });

  it("is never put aside for its deliveries alone: what is delivered again for an hour is still tried", () => {
    for (const deliveries of [4, 5, 100, 10_000]) expect(judgeSuspect(deliveries, 0)).toBe("try");
  });

  it("is tried beside others first, then twice with no other suspect beside it, then put aside", () => {
    expect([0, 1, 2, 3, 4].map((trials) => judgeSuspect(4 + trials, trials))).toEqual([
      "try",
      "try_alone",
      "try_alone",
      "bury",
      "bury",
    ]);
  });
});
