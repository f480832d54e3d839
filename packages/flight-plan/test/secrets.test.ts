import { PlanDefinition } from "@jetmesh/protocol";
import { describe, expect, it } from "vitest";
import { planFaults } from "../src/check-plan.ts";
import { planTree } from "../src/plan-tree.ts";
import { previewPlan } from "../src/preview-plan.ts";
import { secretNamesOf } from "../src/secrets.ts";

const planOf = (...steps: object[]): PlanDefinition =>
  PlanDefinition.parse({ kind: "Plan", reference: "p", name: "P", steps });
const faultsOf = (step: object): string[] =>
  planFaults(planOf(step)).map(({ path, message }) => `${path.join(".")}: ${message}`);
const inEnv = (text: string): object => ({ shell: "true", env: { X: text } });

describe("the secrets that a step names", () => {
  it.each([
    ["{{ secrets.a }}", ["a"]],
    ["{{ secrets['a'] }}", ["a"]],
    ["{{ 'x' | append: secrets.a | append: secrets.b }}", ["a", "b"]],
    ["{% if secrets.a == 'x' %}{{ secrets.b }}{% else %}{{ secrets.c }}{% endif %}", ["a", "b", "c"]],
    ["{% case secrets.a %}{% when secrets.b %}x{% endcase %}", ["a", "b"]],
    ["{% assign x = secrets.a | upcase %}{{ x }}", ["a"]],
    ["{% capture x %}{{ secrets.a }}{% endcapture %}{{ x }}", ["a"]],
    ["{% echo secrets.a %}", ["a"]],
    ["{% liquid\necho secrets.a\n%}", ["a"]],
    ["{% for i in (1..3) %}{{ secrets.a }}{% endfor %}", ["a"]],
    ["{% unless secrets.a %}x{% endunless %}", ["a"]],
    ["{{ map[secrets.a] }}", ["a"]],
    ["secrets.a is no template", []],
    ["{% raw %}{{ secrets.a }}{% endraw %}", []],
    ["{{ outputs.secrets.a }} {{ jet.secrets }}", []],
    ["{% assign secrets = 'own' %}{{ secrets }}", []],
  ])("%s", (text, names) => {
    expect(secretNamesOf(inEnv(text))).toEqual(names);
    expect(faultsOf(inEnv(text))).toEqual([]);
  });

  it("are those of all places where they may stand, and of no others", () => {
    const http = { url: "{{ secrets.a }}", headers: { x: "{{ secrets.b }}" }, body: "{{ secrets.c }}" };
    expect(secretNamesOf({ http, env: { A: "{{ secrets.d }}" } })).toEqual(["a", "b", "c", "d"]);
    expect(secretNamesOf({ shell: "{{ secrets.a }}", cwd: "{{ secrets.b }}" })).toEqual([]);
    const file = { path: "/{{ secrets.a }}", content: "{{ secrets.b }}", on: { host: "{{ secrets.c }}" } };
    expect(secretNamesOf({ file })).toEqual(["b"]);
  });
});

describe("a plan", () => {
  it.each([
    ["all of them", "{{ secrets }}"],
    ["all of them, one by one", "{% for s in secrets %}{{ s }}{% endfor %}"],
    ["by another name", "{% assign s = secrets %}{{ s.a }}"],
    ["by a name that is computed", "{{ secrets[jet.reference] }}"],
    ["something within one", "{{ secrets.a.b }}"],
  ])("that wants %s is refused", (_what, text) => {
    expect(faultsOf(inEnv(text))).toEqual(["steps.0.env.X: names no secret: write {{ secrets.name }}"]);
  });

  it("says where in a group or an undo a secret may not stand", () => {
    const group = { parallel: [{ shell: "true" }, { shell: "{{ secrets.a }}" }] };
    expect(faultsOf(group)).toEqual([
      "steps.0.parallel.1.shell: secrets may stand in env, http.url, http.headers, http.body, file.content alone",
    ]);
    expect(faultsOf({ shell: "true", undo: { shell: ["{{ secrets.a }}"] } })[0]).toContain(
      "steps.0.undo.shell.0: ",
    );
  });

  it("is refused where an expression looks at secrets, and not where it has the word", () => {
    const when = (text: string): string[] => faultsOf({ shell: "true", when: text });
    for (const text of ["secrets.a == 'x'", "size(secrets) > 0", "[1].all(n, n > secrets)", "has(secrets.a)"])
      expect(when(text), text).toEqual(["steps.0.when: cannot see secrets: what it comes to is kept"]);
    for (const text of [
      "outputs.secrets.a == 1",
      "jet.reference == 'secrets'",
      "{'secrets': 1}.secrets == 1",
    ])
      expect(when(text), text).toEqual([]);
  });

  it("is previewed without a secret", () => {
    const [step] = previewPlan(planTree(planOf(inEnv("it is {{ secrets.a }}")), undefined), {});
    expect(step).toMatchObject({ with: { env: { X: "it is ***" } }, open: [] });
  });
});
