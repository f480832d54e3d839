import { createRender } from "@jetmesh/flight-plan";
import { describe, expect, it } from "vitest";
import { run } from "./step-bench.ts";

const render = (template: string, values: Record<string, unknown> = {}): string =>
  createRender(values)("here", template);

describe("the templates of a step", () => {
  it("see variables, jet, action and argument", async () => {
    const values = { port: 80, jet: { reference: "web1" }, argument: { tag: "v2" } };
    const { stdout } = await run(
      { shell: ["echo", "{{ port }}", "{{ jet.reference }}", "{{ argument.tag | upcase }}"] },
      { values },
    );
    expect(stdout).toBe("80 web1 V2\n");
  });

  it("are never taken apart: a value is one item of the list, whatever it holds", async () => {
    const { stdout } = await run(
      { shell: ["printf", "[%s]", "{{ name }}"] },
      { values: { name: "a'; b $(c)" } },
    );
    expect(stdout).toBe("[a'; b $(c)]");
  });

  it("fail the step by the name of an unknown variable, and nothing is run", async () => {
    const { result } = await run({ shell: ["echo", "ok", "{{ prot }}"] }, { values: { port: 1 } });
    expect(result).toMatchObject({
      outcome: "ERROR",
      tries: 0,
      error: {
        code: "step_failed",
        message: expect.stringMatching(/^broken template in shell\[2\]: undefined variable: prot/) as string,
      },
    });
  });

  it("fail the step by the name of what is unknown within a variable", async () => {
    const { result } = await run({ shell: "true", env: { A: "{{ jet.color }}" } }, { values: { jet: {} } });
    expect(result).toMatchObject({
      error: { message: expect.stringContaining("env.A: undefined variable: jet.color") as string },
    });
  });

  it.each([
    ["an unknown filter", "{{ 1 | nope }}", /undefined filter: nope/],
    ["broken syntax", "{{ a", /not closed/],
    ["an unknown tag", "{% nope %}", /tag "nope" not found/],
    ["an include", "{% include '/etc/passwd' %}", /tag "include" not found/],
    ["a render", "{% render '/etc/passwd' %}", /tag "render" not found/],
    ["a layout", "{% layout '/etc/passwd' %}", /tag "layout" not found/],
    ["what values inherit", "{{ a.constructor }}", /undefined variable/],
  ])("refuse %s", (_what, template, message) => {
    expect(() => render(template, { a: "x" })).toThrow(message);
  });

  it("may ask for what is not there by `default` and `if`", () => {
    expect(render("{{ argument.lifeline | default: 0 }}", { argument: {} })).toBe("0");
    expect(render("{{ nothing | default: 'none' }}")).toBe("none");
    expect(render("{% if argument.fast %}fast{% else %}slow{% endif %}", { argument: {} })).toBe("slow");
  });

  it("write objects and lists as JSON", () => {
    const values = { list: [1, "a", { b: null }], object: { a: { b: [true] } }, none: null };
    expect(render("{{ list }} {{ object }} {{ object | raw }} {{ none }}.", values)).toBe(
      '[1,"a",{"b":null}] {"a":{"b":[true]}} {"a":{"b":[true]}} .',
    );
  });

  it("leave the values as they are", () => {
    const values = { count: 5 };
    expect(render("{% increment count %}{% increment count %}", values)).toBe("56");
    expect(values).toEqual({ count: 5 });
  });

  it.each([
    ["endless loops", "{% for i in (1..4000000) %}{% for j in (1..1000) %}{{ i }}{% endfor %}{% endfor %}"],
    ["huge ranges", "{% for i in (1..1000000000) %}{% endfor %}"],
    ["doubled text", `{% assign a = "aaaaaaaaaa" %}${"{% assign a = a | append: a %}".repeat(30)}{{ a }}`],
    [
      "captured text",
      `{% assign a = "aaaaaaaaaa" %}${"{% capture a %}{{ a }}{{ a }}{% endcapture %}".repeat(60)}{{ a }}`,
    ],
    ["long output", `{% for i in (1..1000) %}${"x".repeat(1_000)}{% endfor %}`],
    ["long templates", "{{ 1 }}".repeat(50_000)],
    ["openings that never close", "{{ ".repeat(80_000)],
    ["tags that never close", "{% if 1 %}".repeat(20_000)],
  ])("end before they cost much: %s", (_what, template) => {
    const begun = performance.now();
    expect(() => render(template)).toThrow(/here/);
    expect(performance.now() - begun).toBeLessThan(3_000);
  });

  it("stay below 256 KB together", () => {
    const one = createRender({});
    const text = "x".repeat(200 * 1024);
    expect(one("a", text)).toBe(text);
    expect(() => one("b", text)).toThrow("b: the step's strings are longer than 256 KB");
  });
});
