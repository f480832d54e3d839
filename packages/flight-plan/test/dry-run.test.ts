import type { JsonObject } from "@jetmesh/protocol";
import { describe, expect, it } from "vitest";
import { dryRun } from "../src/index.ts";
import { planOf, treeOf } from "./plan-situations.ts";

const low = planOf([{ reference: "in", shell: "echo {{ id }}" }], {}, "low");
const tree = treeOf(
  [
    { reference: "a", shell: "make", capture: { id: "stdout" }, onExit: [{ when: "code == 3", do: "next" }] },
    { reference: "b", shell: "use {{ outputs.a.id }}", when: 'outputs.a.id != "none"' },
    { reference: "c", wait: "1h" },
    { reference: "d", plan: { reference: "low", variables: { id: "{{ outputs.a.id }}" } } },
    { reference: "e", file: { path: "/x", content: "y" } },
    { reference: "f", shell: "reload", when: "outputs.e.changed" },
  ],
  { finally: [{ reference: "z", shell: "tell {{ outcome }}" }] },
  [low],
);
const went = (
  codes: Record<string, number> = {},
  outputs: Record<string, JsonObject> = {},
): { steps: string[]; end: string; given: Record<string, unknown> } => {
  const assumed = { codes: new Map(Object.entries(codes)), outputs: new Map(Object.entries(outputs)) };
  const { steps, end } = dryRun(tree, {}, assumed, Date.UTC(2026, 0, 1));
  return {
    steps: steps.map(({ step, outcome }) => `${step} ${outcome}`),
    end: end.outcome === "SUCCESS" ? end.outcome : end.error.message,
    given: Object.fromEntries(steps.map((one) => [one.step, one.with["shell"]])),
  };
};

describe("a plan that is gone through", () => {
  it("goes to its end where all succeeds, with a stand-in for what steps would bring", () => {
    const { steps, end, given } = went();
    expect(steps).toEqual([
      ...["a SUCCESS", "b SUCCESS", "c SUCCESS", "d/in SUCCESS", "e SUCCESS", "f SUCCESS", "z SUCCESS"],
    ]);
    expect(end).toBe("SUCCESS");
    expect([given["b"], given["d/in"], given["z"]]).toEqual(["use <a.id>", "echo <a.id>", "tell SUCCESS"]);
  });

  it("goes by what steps are said to bring", () => {
    const { steps, given } = went({}, { a: { id: "none" }, e: { changed: false } });
    expect(steps).toContain("b SKIPPED");
    expect(steps).toContain("f SKIPPED");
    expect(given["d/in"]).toBe("echo none");
  });

  it("takes the way of a failure: a rule, the end of the plan, and finally", () => {
    expect(went({ a: 1 })).toMatchObject({
      steps: ["a ERROR", "z SUCCESS"],
      end: "step 'a': is assumed to end with code 1",
      given: { z: "tell ERROR" },
    });
    // The rule has it go on; what the step would have captured is not there.
    expect(went({ a: 3 })).toMatchObject({
      steps: ["a ERROR", "b ERROR", "z SUCCESS"],
      end: expect.stringContaining("its condition") as string,
    });
    expect(went({ "d/in": 2 }).end).toContain("d/in");
  });
});
