import { TemplateDefinition } from "@jetmesh/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { availableActions, type LintFinding, type LintScope, lintTemplate } from "../src/index.ts";
import { anyTemplate, STATES } from "./random-templates.ts";

type Written = Readonly<Record<string, unknown>>;
const template = (actions: readonly Written[], rest: Written = {}): TemplateDefinition =>
  TemplateDefinition.parse({
    kind: "Template",
    reference: "web",
    name: "Web",
    actions: actions.map((action, at) => ({
      reference: `a${at}`,
      name: `A ${at}`,
      transit: "moving",
      ...action,
    })),
    ...rest,
  });

const MAKE = { to: "stopped" };
const START = { from: "stopped", to: "running", error: "stopped", plan: "start" };
const STOP = { from: "running", to: "stopped" };
const DESTROY = { from: "stopped" };
const WHOLE = [MAKE, START, STOP, DESTROY];

const short = (findings: readonly LintFinding[]): string[] =>
  findings.map(({ code, path }) => [code, ...path].join(" "));

const CASES: readonly (readonly [string, readonly Written[], readonly string[], LintScope])[] = (
  [
    ["nothing of a whole lifecycle", WHOLE, []],
    [
      "that no action makes a jet, and not all that follows from it",
      [START, STOP, DESTROY],
      ["no_create actions"],
    ],
    ["that no action destroys one", [MAKE, START, STOP], ["no_destroy actions"]],
    [
      "a creation that leads nowhere to be none",
      [{}, START, STOP, DESTROY],
      [
        "no_create actions",
        "unreachable_state actions 1 from",
        "unreachable_state actions 1 to",
        "action_never_begins actions 1",
        "action_never_begins actions 2",
        "action_never_begins actions 3",
      ],
    ],
    [
      "a state that nothing leads to, and the action that begins in it",
      [...WHOLE, { from: "lost", to: "stopped" }],
      ["unreachable_state actions 4 from", "action_never_begins actions 4"],
    ],
    [
      "two states that lead to each other alone",
      [...WHOLE, { from: "left", to: "right" }, { from: "right", to: "left" }],
      [
        "unreachable_state actions 4 from",
        "unreachable_state actions 4 to",
        "action_never_begins actions 4",
        "action_never_begins actions 5",
      ],
    ],
    [
      "an action that begins in a transit state",
      [...WHOLE, { from: "moving", to: "stopped" }],
      ["unreachable_state actions 4 from", "action_never_begins actions 4"],
    ],
    [
      "a state without an action that leaves it",
      [...WHOLE, { from: "running", to: "kept" }],
      ["dead_end actions 4 to"],
    ],
    [
      "a state that its only action leads back to",
      [...WHOLE, { from: "running", to: "kept" }, { from: "kept", to: "kept" }],
      ["dead_end actions 4 to"],
    ],
    [
      "no state that is meant as an end",
      [...WHOLE, { from: "running", to: "kept" }],
      [],
      { ends: new Set(["kept"]) },
    ],
    [
      "an error state that no action leaves",
      [...WHOLE, { from: "running", to: "stopped", error: "broken" }],
      ["error_without_way_out actions 4 error"],
    ],
    [
      "no error state that can be repaired",
      [...WHOLE, { from: "running", to: "stopped", error: "broken" }, { from: "broken", to: "stopped" }],
      [],
    ],
    ["a plan that is nowhere", WHOLE, ["missing_plan actions 1 plan"], { plans: new Set(["other"]) }],
    [
      "a state that is nowhere, wherever it is named",
      [MAKE, DESTROY],
      ["missing_state actions 0 transit", "missing_state actions 1 transit"],
      { states: new Set(["stopped"]) },
    ],
  ] as readonly (readonly [string, readonly Written[], readonly string[], LintScope?])[]
).map(([what, actions, expected, scope]) => [what, actions, expected, scope ?? {}]);

describe("the lint of a template finds", () => {
  it.each(CASES)("%s", (_what, actions, expected, scope) => {
    expect(short(lintTemplate(template(actions), scope))).toEqual(expected);
  });

  it("a requirement that no jet of the required template can ever meet", () => {
    const requires = (state: string): TemplateDefinition =>
      template(WHOLE, { requires: [{ template: "db", state }] });
    const db = { ...template(WHOLE), reference: "db" };
    const templates = new Map([["db", db]]);
    expect(short(lintTemplate(requires("running"), { templates }))).toEqual([]);
    expect(short(lintTemplate(requires("moving"), { templates }))).toEqual([
      "requirement_never_met requires 0 state",
    ]);
    expect(short(lintTemplate(requires("running"), { templates: new Map() }))).toEqual([
      "missing_template requires 0 template",
    ]);
    expect(short(lintTemplate(requires("moving")))).toEqual([]);
  });
});

describe("of every template the lint says", () => {
  const subjects = (
    findings: readonly LintFinding[],
    { actions }: TemplateDefinition,
    code: string,
  ): string[] =>
    findings
      .filter((finding) => finding.code === code)
      .map(({ path: [, index, edge] }) => {
        const action = actions[index as number];
        return edge === undefined
          ? (action?.reference ?? "")
          : (action?.[edge as "from" | "to" | "error"] ?? "");
      })
      .toSorted();

  it("just what a jet that is driven everywhere it can go does not see", () => {
    fc.assert(
      fc.property(anyTemplate, (random) => {
        const findings = lintTemplate(random);
        if (random.actions.every(({ from }) => from !== undefined)) {
          expect(findings.filter(({ code }) => !code.startsWith("no_"))).toEqual([]);
          return;
        }
        // Drives a jet by what it is offered, one fork at a time; shares no code with the lint.
        const states = new Set<string | undefined>();
        const begun = new Set<string>();
        const drive = (state: string | undefined): void => {
          if (states.has(state)) return;
          states.add(state);
          for (const action of availableActions(random, state)) {
            begun.add(action.reference);
            for (const next of [action.to, action.error]) if (next !== undefined) drive(next);
          }
        };
        drive(undefined);
        const named = new Set(random.actions.flatMap(({ from, to, error }) => [from, to, error]));
        expect(subjects(findings, random, "unreachable_state")).toEqual(
          STATES.filter((state) => named.has(state) && !states.has(state)),
        );
        expect(subjects(findings, random, "action_never_begins")).toEqual(
          random.actions
            .map(({ reference }) => reference)
            .filter((one) => !begun.has(one))
            .toSorted(),
        );
        const stuck = STATES.filter(
          (state) => states.has(state) && availableActions(random, state).every(({ to }) => to === state),
        );
        expect(
          [
            ...subjects(findings, random, "dead_end"),
            ...subjects(findings, random, "error_without_way_out"),
          ].toSorted(),
        ).toEqual(stuck);
      }),
      { numRuns: 2_000 },
    );
  });
});
