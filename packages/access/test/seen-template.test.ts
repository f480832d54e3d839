import { TemplateDefinition } from "@jetmesh/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Sight, seenTemplate, withUnseen } from "../src/index.ts";

const NAMES = ["a", "b", "c", "d"] as const;
const PLANS = ["p", "q"] as const;

const action = (reference: string) =>
  fc.record({
    reference: fc.constant(reference),
    name: fc.constantFrom("one", "two"),
    transit: fc.constant("moving"),
    plan: fc.option(fc.constantFrom(...PLANS), { nil: undefined }),
  });
const actions = fc
  .shuffledSubarray([...NAMES])
  .chain((references) => fc.tuple(...references.map((reference) => action(reference))));
const REQUIRED = ["x", "y", "z"] as const;
const requires = (list: readonly { readonly reference: string }[]) =>
  fc
    .shuffledSubarray([...REQUIRED])
    .chain((names) =>
      fc.tuple(
        ...names.map((name) =>
          fc
            .shuffledSubarray(list.map(({ reference }) => reference))
            .map((asking) => ({ template: name, state: "running", actions: asking })),
        ),
      ),
    );
const withRequirements = actions.chain((list) => fc.tuple(fc.constant(list), requires(list)));
const template = withRequirements.map(([list, required]) =>
  TemplateDefinition.parse({
    requires: required,
    kind: "Template",
    reference: "t",
    name: "t",
    managers: ["bob"],
    actions: list.map(({ plan, ...rest }) => (plan === undefined ? rest : { ...rest, plan })),
  }),
);
const sight: fc.Arbitrary<Sight> = fc
  .tuple(fc.subarray([...NAMES]), fc.subarray([...PLANS]), fc.subarray([...REQUIRED]))
  .map(([seenActions, seenPlans, seenTemplates]) => ({
    template: (reference) => seenTemplates.some((one) => one === reference),
    action: (reference) => seenActions.some((one) => one === reference),
    plan: (reference) => seenPlans.some((one) => one === reference),
    managers: true,
  }));
const isHidden =
  (eyes: Sight) =>
  ({ reference }: { readonly reference: string }): boolean =>
    !eyes.action(reference);

describe("a template seen by who may not read all of it", () => {
  it("names no action, no plan and no required template that is hidden", () => {
    fc.assert(
      fc.property(template, sight, (stored, eyes) => {
        for (const required of seenTemplate(stored, eyes).requires) {
          expect(eyes.template(required.template)).toBe(true);
          expect(required.actions.every(eyes.action)).toBe(true);
          // None means all: one that hidden actions alone ask for must not look as if all did.
          const { actions: asking = [] } =
            stored.requires.find(({ template: one }) => one === required.template) ?? {};
          expect(required.actions.length === 0).toBe(asking.length === 0);
        }
        for (const { reference, plan } of seenTemplate(stored, eyes).actions) {
          expect(eyes.action(reference)).toBe(true);
          expect(plan === undefined || eyes.plan(plan)).toBe(true);
        }
      }),
    );
  });

  it("applied as it was shown changes nothing", () => {
    fc.assert(
      fc.property(template, sight, (stored, eyes) => {
        expect(withUnseen(stored, seenTemplate(stored, eyes), eyes)).toEqual(stored);
      }),
    );
  });

  it("applied with any change keeps what was hidden, and becomes what was asked for", () => {
    fc.assert(
      fc.property(template, template, sight, (stored, asked, eyes) => {
        const wanted = seenTemplate(asked, eyes);
        const next = withUnseen(stored, wanted, eyes);
        expect(next.actions.filter(isHidden(eyes))).toEqual(stored.actions.filter(isHidden(eyes)));
        for (const one of stored.requires) {
          const then = next.requires.find(({ template: name }) => name === one.template);
          if (!eyes.template(one.template)) expect(then).toEqual(one);
          // What hidden actions ask for they still ask for.
          else if (then?.actions.length !== 0)
            for (const hidden of one.actions.filter((name) => !eyes.action(name)))
              expect(then?.actions).toContain(hidden);
        }
        expect(seenTemplate(next, eyes)).toEqual(wanted);
      }),
    );
  });

  it("requires a template once, where somebody asks for what a hidden action asks for already", () => {
    const of = (asking: string): TemplateDefinition =>
      TemplateDefinition.parse({
        ...{ kind: "Template", reference: "t", name: "t" },
        requires: [{ template: "x", state: "running", actions: [asking] }],
        actions: ["a", "b"].map((reference) => ({ reference, name: reference, transit: "moving" })),
      });
    const eyes = {
      action: (one: string) => one === "b",
      plan: () => true,
      template: () => true,
      managers: true,
    };
    const next = withUnseen(of("a"), seenTemplate(of("b"), eyes), eyes);
    expect(next.requires.map(({ template: one, actions: asking }) => [one, asking])).toEqual([
      ["x", ["a", "b"]],
    ]);
  });

  it("shows who manages to managers alone", () => {
    const stored = TemplateDefinition.parse({
      kind: "Template",
      reference: "t",
      name: "t",
      managers: ["bob"],
    });
    const eyes = { action: () => true, plan: () => true, template: () => true };
    expect(seenTemplate(stored, { ...eyes, managers: false }).managers).toEqual([]);
    expect(seenTemplate(stored, { ...eyes, managers: true }).managers).toEqual(["bob"]);
  });
});
