import { describe, expect, it } from "vitest";
import { previewPlan } from "../src/index.ts";
import { planOf, treeOf } from "./plan-situations.ts";

describe("a preview", () => {
  it("has every step that would run, rendered as far as that can be told, and why not further", () => {
    const low = planOf(
      [{ reference: "in", shell: ["echo", "{{ who }}"] }],
      { variables: { who: "nobody" } },
      "low",
    );
    const tree = treeOf(
      [
        {
          reference: "a",
          shell: "run {{ port }}",
          cwd: "/srv/{{ jet.reference }}",
          env: { P: "{{ port }}" },
          when: "port > 80",
        },
        { reference: "b", http: { url: "http://x/{{ outputs.a.id }}" }, when: "outputs.a.id == 1" },
        {
          reference: "g",
          parallel: [
            { reference: "c", wait: 5, when: "port == 1" },
            { plan: { reference: "low", variables: { who: "{{ port }}" } } },
          ],
        },
      ],
      { finally: [{ reference: "z", shell: "true" }] },
      [low],
    );
    const steps = previewPlan(tree, { port: 8080, jet: { reference: "web1" } });
    expect(steps.map(({ step, does, runs }) => [step, does, runs])).toEqual([
      ["a", "shell", true],
      ["b", "http", undefined],
      ["g/c", "wait", false],
      ["g/step-2/in", "shell", true],
      ["z", "shell", true],
    ]);
    expect(steps[0]).toMatchObject({
      with: { shell: "run 8080", cwd: "/srv/web1", env: { P: "8080" } },
      open: [],
    });
    expect(steps[1]?.with).toMatchObject({ http: { url: "http://x/{{ outputs.a.id }}" } });
    expect(steps[1]?.open).toEqual([
      expect.stringContaining("when: ") as string,
      expect.stringContaining("http.url: ") as string,
    ]);
    expect(steps[3]?.with).toEqual({ shell: ["echo", "8080"] });
  });
});
